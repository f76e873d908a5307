@wire
Feature: Tolerance of what identity providers get wrong
  Clients are not perfect, and a refused off-boarding is a security problem. What
  is known of the providers is taken, in one place, each deviation by its name. A
  strict server refuses them all, by the same name, so that the author of a client
  finds them.

  Background:
    Given a user anna with:
      """
      "emails": [{"value": "anna-{tag}@example.com", "type": "work", "primary": true}]
      """
    And a user boss
    And a user absent
    And a group team with:
      """
      "members": [{"value": "{anna}"}, {"value": "{boss}"}]
      """

  Rule: By default each deviation is taken for what it means

    Scenario Outline: <deviation>, as <provider> sends it
      When the client sends <method> "<path>" with:
        """
        <body>
        """
      Then the answer is 200 or 204
      When the client sends GET "<path>"
      Then "<pointer>" is <value>

      Examples:
        | deviation | provider | method | path | body | pointer | value |
        | boolean-string | Entra ID, OneLogin | PUT | /Users/{anna} | {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "anna-{tag}", "active": "False"} | /active | false |
        | status-for-active | OneLogin | PUT | /Users/{anna} | {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "anna-{tag}", "active": "2"} | /active | false |
        | single-for-many | OneLogin 1.1 | PUT | /Users/{anna} | {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "anna-{tag}", "emails": {"value": "a@example.com", "type": "work"}} | /emails/0/value | "a@example.com" |
        | old-schema-urn | OneLogin | PUT | /Users/{anna} | {"schemas": ["urn:scim:schemas:core:2.0"], "userName": "anna-{tag}", "title": "T"} | /title | "T" |
        | old-schema-urn | OneLogin | PUT | /Users/{anna} | {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"], "userName": "anna-{tag}", "urn:scim:schemas:extension:enterprise:2.0": {"department": "D"}} | /urn:ietf:params:scim:schemas:extension:enterprise:2.0:User/department | "D" |
        | missing-schemas | OneLogin | PUT | /Users/{anna} | {"userName": "anna-{tag}", "title": "T"} | /title | "T" |
        | foreign-schema-urn | Entra ID | PUT | /Groups/{team} | {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group", "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"], "displayName": "T-{tag}"} | /displayName | "T-{tag}" |
        | unlisted-extension | Entra ID, OneLogin | PUT | /Users/{anna} | {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "anna-{tag}", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "D"}} | /urn:ietf:params:scim:schemas:extension:enterprise:2.0:User/department | "D" |
        | manager-shape | Entra ID | PUT | /Users/{anna} | {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"], "userName": "anna-{tag}", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"manager": "{boss}"}} | /urn:ietf:params:scim:schemas:extension:enterprise:2.0:User/manager/value | "{boss}" |
        | manager-shape | OneLogin | PUT | /Users/{anna} | {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"], "userName": "anna-{tag}", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"manager": {"managerId": "{boss}", "displayName": "B"}}} | /urn:ietf:params:scim:schemas:extension:enterprise:2.0:User/manager/value | "{boss}" |
        | bare-value | JumpCloud | PATCH | /Groups/{team} | {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{"op": "replace", "path": "members", "value": ["{boss}"]}]} | /members/0/value | "{boss}" |
        | several-primaries | PingOne | PUT | /Users/{anna} | {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "anna-{tag}", "emails": [{"value": "a@example.com", "primary": true}, {"value": "b@example.com", "primary": true}]} | /emails/0/primary | true |
        | password | Okta | PUT | /Users/{anna} | {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "anna-{tag}", "title": "T", "password": "hunter2"} | /title | "T" |
        | op-letter-case | Entra ID | PATCH | /Users/{anna} | {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{"op": "Replace", "path": "title", "value": "T"}]} | /title | "T" |
        | path-as-key | Entra ID | PATCH | /Users/{anna} | {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{"op": "replace", "value": {"name.givenName": "A"}}]} | /name/givenName | "A" |
        | id-in-value | Okta | PATCH | /Groups/{team} | {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{"op": "replace", "value": {"id": "{team}", "displayName": "T-{tag}"}}]} | /displayName | "T-{tag}" |
        | remove-with-value | Entra ID, OneLogin, JumpCloud | PATCH | /Groups/{team} | {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{"op": "remove", "path": "members", "value": [{"value": "{anna}"}]}]} | /members/0/value | "{boss}" |
        | remove-with-value | Entra ID | PATCH | /Users/{anna} | {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{"op": "add", "path": "phoneNumbers", "value": [{"value": "1", "type": "work"}, {"value": "2", "type": "home"}]}, {"op": "remove", "path": "phoneNumbers", "value": [{"value": "1"}]}]} | /phoneNumbers/0/value | "2" |
        | wrapped-value | Entra ID | PATCH | /Users/{anna} | {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{"op": "replace", "path": "title", "value": [{"value": "T"}]}]} | /title | "T" |
        | group-patch-1.1 | OneLogin 1.1 | PATCH | /Groups/{team} | {"schemas": ["urn:scim:schemas:core:1.0"], "members": [{"value": "{anna}", "operation": "delete"}]} | /members/0/value | "{boss}" |
        | replace-missing | Entra ID | PATCH | /Users/{anna} | {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{"op": "replace", "path": "phoneNumbers[type eq \\"work\\"].value", "value": "1"}]} | /phoneNumbers/0/value | "1" |
        | remove-absent | all | PATCH | /Groups/{team} | {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{"op": "remove", "path": "members[value eq \\"{absent}\\"]"}]} | /displayName | "team-{tag}" |

    Scenario Outline: <deviation>, as <provider> filters
      When the client filters Users by: <filter>
      Then the list holds anna

      Examples:
        | deviation | provider | filter |
        | filter-behind-brackets | Entra ID | emails[type eq "work"].value eq "anna-{tag}@example.com" |
        | filter-boolean-string | Entra ID | userName eq "anna-{tag}" and emails[primary eq "True"] |

    Scenario: The same request twice, as after a time-out, changes nothing the second time
      When the client patches "/Groups/{team}" with:
        """
        {"op": "remove", "path": "members[value eq \"{anna}\"]"}
        """
      Then the answer is 200 or 204
      When the client patches "/Groups/{team}" with:
        """
        {"op": "remove", "path": "members[value eq \"{anna}\"]"}
        """
      Then the answer is 200 or 204
      When the client sends GET "/Groups/{team}"
      Then "/members" has 1 value

    Scenario: What is not understood is refused all the same
      When the client patches "/Users/{anna}" with:
        """
        {"op": "Move", "path": "title", "value": "T"}
        """
      Then the answer is 400

  @admin @own
  Rule: A strict server refuses each by its name

    Scenario Outline: <deviation>, as <provider> sends it, is refused
      Given the server is strict
      When the client sends <method> "<path>" with:
        """
        <body>
        """
      Then the answer is 400
      And its detail says "<deviation>"

      Examples:
        | deviation | provider | method | path | body |
        | boolean-string | Entra ID, OneLogin | PUT | /Users/{anna} | {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "anna-{tag}", "active": "False"} |
        | status-for-active | OneLogin | PUT | /Users/{anna} | {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "anna-{tag}", "active": "2"} |
        | single-for-many | OneLogin 1.1 | PUT | /Users/{anna} | {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "anna-{tag}", "emails": {"value": "a@example.com", "type": "work"}} |
        | old-schema-urn | OneLogin | PUT | /Users/{anna} | {"schemas": ["urn:scim:schemas:core:2.0"], "userName": "anna-{tag}", "title": "T"} |
        | old-schema-urn | OneLogin | PUT | /Users/{anna} | {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"], "userName": "anna-{tag}", "urn:scim:schemas:extension:enterprise:2.0": {"department": "D"}} |
        | missing-schemas | OneLogin | PUT | /Users/{anna} | {"userName": "anna-{tag}", "title": "T"} |
        | foreign-schema-urn | Entra ID | PUT | /Groups/{team} | {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group", "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"], "displayName": "T-{tag}"} |
        | unlisted-extension | Entra ID, OneLogin | PUT | /Users/{anna} | {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "anna-{tag}", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "D"}} |
        | manager-shape | Entra ID | PUT | /Users/{anna} | {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"], "userName": "anna-{tag}", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"manager": "{boss}"}} |
        | manager-shape | OneLogin | PUT | /Users/{anna} | {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"], "userName": "anna-{tag}", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"manager": {"managerId": "{boss}", "displayName": "B"}}} |
        | bare-value | JumpCloud | PATCH | /Groups/{team} | {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{"op": "replace", "path": "members", "value": ["{boss}"]}]} |
        | several-primaries | PingOne | PUT | /Users/{anna} | {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "anna-{tag}", "emails": [{"value": "a@example.com", "primary": true}, {"value": "b@example.com", "primary": true}]} |
        | password | Okta | PUT | /Users/{anna} | {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "anna-{tag}", "title": "T", "password": "hunter2"} |
        | op-letter-case | Entra ID | PATCH | /Users/{anna} | {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{"op": "Replace", "path": "title", "value": "T"}]} |
        | path-as-key | Entra ID | PATCH | /Users/{anna} | {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{"op": "replace", "value": {"name.givenName": "A"}}]} |
        | id-in-value | Okta | PATCH | /Groups/{team} | {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{"op": "replace", "value": {"id": "{team}", "displayName": "T-{tag}"}}]} |
        | remove-with-value | Entra ID, OneLogin, JumpCloud | PATCH | /Groups/{team} | {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{"op": "remove", "path": "members", "value": [{"value": "{anna}"}]}]} |
        | wrapped-value | Entra ID | PATCH | /Users/{anna} | {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{"op": "replace", "path": "title", "value": [{"value": "T"}]}]} |
        | group-patch-1.1 | OneLogin 1.1 | PATCH | /Groups/{team} | {"schemas": ["urn:scim:schemas:core:1.0"], "members": [{"value": "{anna}", "operation": "delete"}]} |
        | replace-missing | Entra ID | PATCH | /Users/{anna} | {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{"op": "replace", "path": "phoneNumbers[type eq \\"work\\"].value", "value": "1"}]} |
        | remove-absent | all | PATCH | /Groups/{team} | {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{"op": "remove", "path": "members[value eq \\"{absent}\\"]"}]} |

    Scenario Outline: <deviation>, as <provider> filters, is refused
      Given the server is strict
      When the client filters Users by: <filter>
      Then the answer is 400
      And its detail says "<deviation>"

      Examples:
        | deviation | provider | filter |
        | filter-behind-brackets | Entra ID | emails[type eq "work"].value eq "anna-{tag}@example.com" |
        | filter-boolean-string | Entra ID | userName eq "anna-{tag}" and emails[primary eq "True"] |

    Scenario: What the standard allows, a strict server takes
      Given the server is strict
      When the client sends PUT "/Users/{anna}" with:
        """
        {"SCHEMAS": ["URN:IETF:params:scim:schemas:core:2.0:User"], "USERNAME": "anna-{tag}", "Title": "T", "nickName": null, "id": "x", "groups": []}
        """
      Then the answer is 200
      And "/title" is "T"
