@guide-features @wire
Feature: Direct manager
  The provider sends a user's manager. Whoever that is is linked if he or she is
  in the instance; until then the manager is pending, and never created.

  Rule: The manager is linked in whatever form he or she is named

    Scenario Outline: By <form>
      Given a user boss with:
        """
        "externalId": "boss-{tag}-ext"
        """
      And a user anna with:
        """
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"manager": <manager>}
        """
      When the client sends GET "/Users/{anna}"
      Then "/urn:ietf:params:scim:schemas:extension:enterprise:2.0:User/manager/value" is "{boss}"

      Examples:
        | form                        | manager                                          |
        | id                          | {"value": "{boss}"}                              |
        | user name                   | {"value": "boss-{tag}"}                          |
        | user name in capitals       | {"value": "BOSS-{tag}"}                          |
        | external id                 | {"value": "boss-{tag}-ext"}                      |
        | a reference                 | {"$ref": "../Users/{boss}"}                      |
        | a string, as Entra sends it | "{boss}"                                         |
        | managerId, as OneLogin does | {"managerId": "{boss}", "displayName": "B"}      |

  Rule: A manager who is not there yet is pending, and linked on arrival

    Scenario: The manager arrives later
      Given a user anna with:
        """
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"manager": {"value": "boss-{tag}"}}
        """
      And a user boss
      When the client sends GET "/Users/{anna}"
      Then "/urn:ietf:params:scim:schemas:extension:enterprise:2.0:User/manager/value" is "{boss}"

    Scenario: A manager who never arrives is not created
      Given a user anna with:
        """
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"manager": {"value": "ghost-{tag}"}}
        """
      When the client looks for Users by: userName eq "ghost-{tag}"
      Then the list holds nobody

    Scenario: A manager who is deleted is pending again, and linked when he or she comes back
      Given a user boss
      And a user anna with:
        """
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"manager": {"value": "boss-{tag}"}}
        """
      When the client sends DELETE "/Users/{boss}"
      Then the answer is 204
      Given a user boss
      When the client sends GET "/Users/{anna}"
      Then "/urn:ietf:params:scim:schemas:extension:enterprise:2.0:User/manager/value" is "{boss}"

  Rule: Managers can be in a circle

    Scenario: Two who manage each other
      Given an instance "acme"
      And OneLogin has an app for "acme"
      And OneLogin has these users, assigned to the app "acme":
        | Username          | First Name | Last Name | Manager           |
        | anna@acme.example | Anna       | Novak     | ben@acme.example  |
        | ben@acme.example  | Ben        | Smith     | anna@acme.example |
      When OneLogin runs a provisioning cycle of the app "acme"
      Then "anna@acme.example" has the manager "ben@acme.example" in "acme"
      And "ben@acme.example" has the manager "anna@acme.example" in "acme"

  Rule: A manager of another instance is never linked nor revealed

    @admin
    Scenario: The same name in another instance is somebody else
      Given the instances "acme" and "globex"
      And "globex" has the user "boss@acme.example", made by hand
      And OneLogin has an app for "acme"
      And OneLogin has these users:
        | Username          | First Name | Last Name |
        | boss@acme.example | Barbara    | Boss      |
      And OneLogin has these users, assigned to the app "acme":
        | Username          | First Name | Last Name | Manager           |
        | anna@acme.example | Anna       | Novak     | boss@acme.example |
      When OneLogin runs a provisioning cycle of the app "acme"
      Then "anna@acme.example" was created
      And "anna@acme.example" has no manager in "acme"
