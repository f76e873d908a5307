@admin @guide-initial-setup @wire
Feature: Custom fields
  An instance can add fields of its own to its users. Over SCIM they are
  attributes of the application's extension, and only that instance has them.

  Background:
    Given the instances "acme" and "globex"
    And "acme" has the custom field "country" of the type text
    And "acme" has the custom field "desk" of the type number

  Scenario: The instance's schema shows them
    When the client sends GET "/Schemas/urn:muster:params:scim:schemas:extension:application:1.0:User"
    Then the answer is 200
    And "/attributes" has 2 values
    And "/attributes/0/name" is "country"
    And "/attributes/0/type" is "string"
    And "/attributes/1/type" is "decimal"

  Scenario: Another instance's schema does not
    Given the client has the key of "globex"
    When the client sends GET "/Schemas/urn:muster:params:scim:schemas:extension:application:1.0:User"
    Then the answer is 200
    And "/attributes" has 0 values

  Scenario: They take values, and can be searched
    Given a user anna with:
      """
      "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", "urn:muster:params:scim:schemas:extension:application:1.0:User"],
      "urn:muster:params:scim:schemas:extension:application:1.0:User": {"country": "Norway", "desk": 7}
      """
    When the client filters Users by: urn:muster:params:scim:schemas:extension:application:1.0:User:country eq "norway"
    Then the list holds anna
    And "/Resources/0/urn:muster:params:scim:schemas:extension:application:1.0:User/desk" is 7

  Scenario: A value of a wrong type is refused with the path
    When the client sends POST "/Users" with:
      """
      {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", "urn:muster:params:scim:schemas:extension:application:1.0:User"], "userName": "anna-{tag}",
       "urn:muster:params:scim:schemas:extension:application:1.0:User": {"desk": "by the window"}}
      """
    Then the answer is 400 invalidValue
    And its detail says "desk"

  Scenario: What another instance has is unknown here
    Given the client has the key of "globex"
    When the client sends POST "/Users" with:
      """
      {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", "urn:muster:params:scim:schemas:extension:application:1.0:User"], "userName": "anna-{tag}",
       "urn:muster:params:scim:schemas:extension:application:1.0:User": {"country": "Norway"}}
      """
    Then the answer is 400 invalidSyntax

  Scenario: A pick list takes what it offers, in any letter case
    Given an administrator of "acme" runs "field create size --type pick-list --values S,M,L"
    And a user anna with:
      """
      "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", "urn:muster:params:scim:schemas:extension:application:1.0:User"],
      "urn:muster:params:scim:schemas:extension:application:1.0:User": {"size": "m"}
      """
    Then "/urn:muster:params:scim:schemas:extension:application:1.0:User/size" is "M"
    When the client patches "/Users/{anna}" with:
      """
      {"op": "replace", "path": "urn:muster:params:scim:schemas:extension:application:1.0:User:size", "value": "XXL"}
      """
    Then the answer is 400 invalidValue
    And its detail says "none of S, M, L"

  Scenario: A reference takes a URI
    Given an administrator of "acme" runs "field create badge --type reference"
    When the client sends POST "/Users" with:
      """
      {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", "urn:muster:params:scim:schemas:extension:application:1.0:User"], "userName": "anna-{tag}",
       "urn:muster:params:scim:schemas:extension:application:1.0:User": {"badge": "https://badges.example.com/7"}}
      """
    Then the answer is 201

  Scenario Outline: What is no field is refused: <what>
    When an administrator of "acme" runs "field create <arguments>"
    Then it is refused, because "<reason>"

    Examples:
      | what                  | arguments              | reason                |
      | an unknown type       | color --type color     | unknown field type    |
      | a list without values | size --type pick-list  | needs values          |
      | a name with a dot     | a.b                    | is not valid          |
      | a name that is there  | COUNTRY                | has a field           |
