@wire @tolerance
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
        | blank-value | OneLogin | PUT | /Users/{anna} | {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"], "userName": "anna-{tag}", "title": "T", "active": "", "nickName": "N"} | /nickName | "N" |
        | blank-value | OneLogin | PUT | /Users/{anna} | {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"], "userName": "anna-{tag}", "title": "T", "emails": "", "nickName": "N"} | /nickName | "N" |
        | blank-value | OneLogin | PATCH | /Groups/{team} | {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{"op": "replace", "value": {"displayName": "T-{tag}", "members": ""}}]} | /displayName | "T-{tag}" |
        | dot-behind-urn | Entra ID | PATCH | /Users/{anna} | {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{"op": "add", "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User.department", "value": "D"}]} | /urn:ietf:params:scim:schemas:extension:enterprise:2.0:User/department | "D" |
        | operation-name | Entra ID | PATCH | /Groups/{team} | {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{"name": "addMember", "op": "add", "path": "members", "value": [{"value": "{absent}"}]}]} | /members/2/value | "{absent}" |
        | envelope-member | Entra ID | PATCH | /Groups/{team} | {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "id": "{team}", "externalId": "x", "Operations": [{"op": "replace", "path": "displayName", "value": "T-{tag}"}]} | /displayName | "T-{tag}" |
        | filter-on-single | Entra ID | PATCH | /Users/{anna} | {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{"op": "add", "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager", "value": {"value": "{boss}"}}, {"op": "remove", "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager[value eq \\"{boss}\\"]"}, {"op": "add", "path": "title", "value": "T"}]} | /title | "T" |
        | schemas-in-extension | scim2-models | PUT | /Users/{anna} | {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"], "userName": "anna-{tag}", "title": "T", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"schemas": ["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"], "department": "D"}} | /urn:ietf:params:scim:schemas:extension:enterprise:2.0:User/department | "D" |
        | schemas-in-extension | scim2-models | PATCH | /Users/{anna} | {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{"op": "add", "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User", "value": {"schemas": ["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"], "department": "D"}}]} | /urn:ietf:params:scim:schemas:extension:enterprise:2.0:User/department | "D" |
        | display-name-in-value | Entra ID | PATCH | /Users/{anna} | {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{"op": "add", "path": "roles", "value": [{"value": "r", "displayName": "Reader"}]}]} | /roles/0/display | "Reader" |
        | display-name-in-value | Entra ID | PATCH | /Groups/{team} | {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{"op": "add", "path": "members", "value": [{"value": "{absent}", "displayName": "A"}]}]} | /members/2/value | "{absent}" |
        | unknown-sub-attribute | Entra ID | PUT | /Users/{anna} | {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"], "userName": "anna-{tag}", "title": "T", "roles": [{"id": "7", "value": "r", "display": "Reader"}]} | /roles/0/value | "r" |
        | wrapped-value | Entra ID | PATCH | /Users/{anna} | {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{"op": "add", "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager", "value": [{"value": "{boss}"}]}]} | /urn:ietf:params:scim:schemas:extension:enterprise:2.0:User/manager/value | "{boss}" |
        | wrapped-value | Entra ID | PATCH | /Users/{anna} | {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{"op": "add", "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber", "value": ["7"]}]} | /urn:ietf:params:scim:schemas:extension:enterprise:2.0:User/employeeNumber | "7" |
        | wrapped-value | Entra ID | PATCH | /Users/{anna} | {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{"op": "replace", "path": "emails[type eq \\"work\\"].value", "value": [{"value": "n@example.com"}]}]} | /emails/0/value | "n@example.com" |

    Scenario Outline: <deviation>, as <provider> filters
      When the client filters Users by: <filter>
      Then the list holds anna

      Examples:
        | deviation | provider | filter |
        | filter-behind-brackets | Entra ID | emails[type eq "work"].value eq "anna-{tag}@example.com" |
        | filter-boolean-string | Entra ID | userName eq "anna-{tag}" and emails[primary eq "True"] |
        | dot-behind-urn | Entra ID | userName eq "anna-{tag}" and not (urn:ietf:params:scim:schemas:extension:enterprise:2.0:User.department pr) |

    Scenario Outline: <deviation>, as <provider> asks
      When the client sends <method> "<path>" with:
        """
        <body>
        """
      Then the answer is 200
      And "<pointer>" is <value>

      Examples:
        | deviation | provider | method | path | body | pointer | value |
        | fail-on-no-errors | Entra ID | POST | /Bulk | {"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "failOnErrors": 0, "Operations": [{"method": "DELETE", "path": "/Users/none"}, {"method": "PATCH", "path": "/Users/{anna}", "data": {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{"op": "replace", "path": "title", "value": "T"}]}}]} | /Operations/1/status | "200" |
        | parameter-letter-case | Entra ID | GET | /Users?filter=id+eq+%22{anna}%22&startindex=0&Count=1 |  | /Resources/0/userName | "anna-{tag}" |
        | unknown-parameter | all | GET | /Users?filter=id+eq+%22{anna}%22&api-version=1 |  | /Resources/0/userName | "anna-{tag}" |
        | dot-behind-urn | Entra ID | GET | /Users?filter=id+eq+%22{anna}%22&attributes=urn:ietf:params:scim:schemas:extension:enterprise:2.0:User.department,userName |  | /Resources/0/userName | "anna-{tag}" |

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

  Rule: The forms of the collections that Microsoft publishes for testing are taken

    Scenario Outline: <form>
      When the client sends <method> "<path>" with:
        """
        <body>
        """
      Then the answer is <status>
      And "<pointer>" is <value>

      Examples:
        | form | method | path | body | status | pointer | value |
        | a user with capital letters | POST | /Users | {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"], "UserName": "form-{tag}", "Active": true, "DisplayName": "Form", "externalId": "f-{tag}", "meta": {"resourceType": "User"}, "Emails": [{"Primary": true, "Type": "work", "Value": "form@example.com"}], "Name": {"Formatted": "F. Orm", "GivenName": "F", "FamilyName": "Orm"}, "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"Department": "D", "Manager": {"Value": "{boss}"}}} | 201 | /emails/0/value | "form@example.com" |
        | an app role with names of its own | POST | /Users | {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "form-{tag}", "roles": [{"primary": true, "type": "WindowsAzureActiveDirectoryRole", "value": "reader", "displayName": "Reader", "id": "18d14569"}]} | 201 | /roles/0/display | "Reader" |
        | a user name by path | PATCH | /Users/{anna} | {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{"op": "Replace", "path": "userName", "value": "anna2-{tag}"}]} | 200 | /userName | "anna2-{tag}" |
        | several attributes at once | PATCH | /Users/{anna} | {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{"op": "replace", "value": {"displayName": "A", "title": "T"}}]} | 200 | /title | "T" |
        | an e-mail by its type | PATCH | /Users/{anna} | {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{"op": "Replace", "path": "emails[type eq \\"work\\"].value", "value": "new@example.com"}]} | 200 | /emails/0/primary | true |
        | a phone number that is not there | PATCH | /Users/{anna} | {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{"op": "Add", "path": "phoneNumbers[type eq \\"mobile\\"]", "value": {"value": "555"}}]} | 200 | /phoneNumbers/0/type | "mobile" |
        | a manager behind a dot | PATCH | /Users/{anna} | {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{"name": "manager", "op": "Add", "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User.manager", "value": [{"value": "{boss}"}]}]} | 200 | /urn:ietf:params:scim:schemas:extension:enterprise:2.0:User/manager/value | "{boss}" |
        | no manager | PATCH | /Users/{anna} | {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{"op": "Add", "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User.manager", "value": "{boss}"}, {"op": "Remove", "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User.manager[value eq \\"{boss}\\"]"}, {"op": "Add", "path": "title", "value": "T"}]} | 200 | /title | "T" |
        | switched off by a text | PATCH | /Users/{anna} | {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{"op": "Replace", "path": "active", "value": "False"}]} | 200 | /active | false |
        | the whole user | PUT | /Users/{anna} | {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "id": "{anna}", "userName": "anna-{tag}", "name": {"givenName": "A", "familyName": "B"}, "active": true, "roles": []} | 200 | /name/familyName | "B" |
        | an empty group | POST | /Groups | {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group", "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"], "externalId": "g-{tag}", "displayName": "form-{tag}", "members": [], "meta": {"resourceType": "Group"}} | 201 | /displayName | "form-{tag}" |
        | a member with a name | PATCH | /Groups/{team}?attributes=members | {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "id": "{team}", "Operations": [{"name": "addMember", "op": "Add", "path": "members", "value": [{"displayName": "A", "value": "{absent}", "$ref": null}]}]} | 200 | /members/2/value | "{absent}" |
        | a member removed by a list | PATCH | /Groups/{team}?attributes=members | {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{"op": "Remove", "path": "members", "value": [{"value": "{anna}", "$ref": null}]}]} | 200 | /members/0/value | "{boss}" |
        | a member removed by a filter | PATCH | /Groups/{team}?attributes=members | {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{"op": "remove", "path": "members[value eq \\"{anna}\\"]"}]} | 200 | /members/0/value | "{boss}" |
        | a group without its members | GET | /Groups/{team}?excludedAttributes=members |  | 200 | /displayName | "team-{tag}" |
        | a page in small letters | GET | /Users?filter=UserName+eq+%22anna-{tag}%22&startindex=1&count=1 |  | 200 | /totalResults | 1 |
        | nobody | GET | /Users?filter=externalId+eq+%22none-{tag}%22 |  | 200 | /Resources | [] |

    Scenario: A role that has a member too many is stored without it
      When the client sends PUT "/Users/{anna}" with:
        """
        {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "anna-{tag}", "roles": [{"value": "r", "displayName": "Reader", "id": "18d14569"}]}
        """
      Then the answer is 200
      And "/roles" is [{"value": "r", "display": "Reader"}]

  Rule: Nobody is removed who is not named

    Scenario Outline: Members: <what>
      When the client patches "/Groups/{team}" with:
        """
        <operation>
        """
      Then the answer is <status>
      When the client sends GET "/Groups/{team}"
      Then "/members" has <number> values

      Examples:
        | what | operation | status | number |
        | an entry with a blank id | {"op": "remove", "path": "members", "value": [{"value": ""}]} | 400 invalidValue | 2 |
        | an entry with a name alone | {"op": "remove", "path": "members", "value": [{"display": "x"}]} | 400 invalidValue | 2 |
        | an entry of nulls | {"op": "remove", "path": "members", "value": [{"$ref": null, "value": null}]} | 400 invalidValue | 2 |
        | an empty list to remove | {"op": "remove", "path": "members", "value": []} | 204 | 2 |
        | a blank text to remove | {"op": "remove", "path": "members", "value": ""} | 400 invalidValue | 2 |
        | one known and one blank | {"op": "remove", "path": "members", "value": [{"value": "{anna}"}, {"value": ""}]} | 400 invalidValue | 2 |
        | a replacement that names nobody | {"op": "replace", "path": "members", "value": [{"display": "x"}]} | 400 invalidValue | 2 |
        | a replacement by blank text | {"op": "replace", "path": "members", "value": ""} | 204 | 2 |
        | a replacement without a value | {"op": "replace", "path": "members"} | 400 invalidValue | 2 |
        | blank ones among those added | {"op": "add", "path": "members", "value": [{"value": ""}, {"value": "{absent}"}, null]} | 204 | 3 |
        | only blank ones added | {"op": "add", "path": "members", "value": [{"value": ""}]} | 400 invalidValue | 2 |
        | a member who is not there replaced | {"op": "replace", "path": "members[value eq \\"{absent}\\"]", "value": {"value": "{absent}"}} | 400 noTarget | 2 |
        | an empty list of those added | {"op": "add", "path": "members", "value": []} | 204 | 2 |
        | one by the URI | {"op": "remove", "path": "members", "value": [{"$ref": "/Users/{anna}"}]} | 204 | 1 |

    Scenario Outline: A whole group, or one of SCIM 1.1: <what>
      When the client sends <method> "/Groups/{team}" with:
        """
        <body>
        """
      Then the answer is <status>
      When the client sends GET "/Groups/{team}"
      Then "/members" has 2 values
      And "/displayName" is "<name>"

      Examples:
        | what | method | body | status | name |
        | replaced, with a member who is nobody | PUT | {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "team-{tag}", "members": [{"display": "x"}]} | 400 invalidValue | team-{tag} |
        | replaced, with a member who is blank | PUT | {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "team-{tag}", "members": [{"value": ""}]} | 400 invalidValue | team-{tag} |
        | a blank member is deleted | PATCH | {"schemas": ["urn:scim:schemas:core:1.0"], "members": [{"value": "", "operation": "delete"}]} | 400 invalidValue | team-{tag} |
        | another operation than delete | PATCH | {"schemas": ["urn:scim:schemas:core:1.0"], "members": [{"value": "{anna}", "operation": "remove"}]} | 400 invalidValue | team-{tag} |
        | no members, and a name | PATCH | {"schemas": ["urn:scim:schemas:core:1.0"], "displayName": "T-{tag}", "members": []} | 204 | T-{tag} |

    Scenario Outline: E-mails: <what>
      When the client patches "/Users/{anna}" with:
        """
        <operation>
        """
      Then the answer is 400 invalidValue
      When the client sends GET "/Users/{anna}"
      Then "/emails/0/value" is "anna-{tag}@example.com"

      Examples:
        | what | operation |
        | a blank one is removed | {"op": "remove", "path": "emails", "value": [{"value": ""}]} |
        | one of a type, blank, is removed | {"op": "remove", "path": "emails", "value": [{"type": "work", "value": ""}]} |
        | replaced by a blank one | {"op": "replace", "path": "emails", "value": [{"type": "work", "value": ""}]} |
        | replaced by one with nothing that is known | {"op": "replace", "path": "emails", "value": [{"address": "a@example.com"}]} |
        | a part of all, with a value | {"op": "remove", "path": "emails.value", "value": "x"} |

    Scenario: A blank macro leaves no shell
      When the client sends PUT "/Users/{anna}" with:
        """
        {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "anna-{tag}", "phoneNumbers": [{"type": "work", "value": ""}]}
        """
      Then the answer is 200
      And "/phoneNumbers" is not there

    Scenario: The manager who was linked by a name is removed by the id that the client has read
      When the client patches "/Users/{anna}" with:
        """
        {"op": "add", "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager", "value": "boss-{tag}"}
        """
      Then the answer is 200
      And "/urn:ietf:params:scim:schemas:extension:enterprise:2.0:User/manager/value" is "{boss}"
      When the client patches "/Users/{anna}" with:
        """
        {"op": "remove", "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager[value eq \"{absent}\"]"}
        """
      Then the answer is 200
      And "/urn:ietf:params:scim:schemas:extension:enterprise:2.0:User/manager/value" is "{boss}"
      When the client patches "/Users/{anna}" with:
        """
        {"op": "remove", "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager[value eq \"{boss}\"]"}
        """
      Then the answer is 200
      And "/urn:ietf:params:scim:schemas:extension:enterprise:2.0:User/manager" is not there

  Rule: A state that cannot be cleared is not cleared with success

    Scenario Outline: active: <what>
      When the client patches "/Users/{anna}" with:
        """
        <operation>
        """
      Then the answer is 400 mutability
      And its detail says "send true or false"

      Examples:
        | what | operation |
        | removed | {"op": "remove", "path": "active"} |
        | null | {"op": "replace", "path": "active", "value": null} |
        | blank | {"op": "replace", "path": "active", "value": ""} |
        | null, without a path | {"op": "replace", "value": {"active": null}} |

  Rule: A parameter that restricts the answer is never ignored

    Scenario Outline: <parameter> for <meant>
      When the client sends GET "/Users?<parameter>=1"
      Then the answer is 400
      And its detail says "did you mean <meant>"

      Examples:
        | parameter | meant |
        | filters | filter |
        | fiter | filter |
        | filterBy | filter |
        | start_index | startIndex |
        | coun | count |
        | attribute | attributes |

    Scenario Outline: A path with slashes too many is served: <path>
      When the client sends GET "<path>"
      Then the answer is 200

      Examples:
        | path |
        | //Users/{anna} |
        | /Users//{anna}/ |
        | /Groups/{team}/ |

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
        | blank-value | OneLogin | PUT | /Users/{anna} | {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"], "userName": "anna-{tag}", "title": "T", "active": "", "nickName": "N"} |
        | blank-value | OneLogin | PUT | /Users/{anna} | {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"], "userName": "anna-{tag}", "title": "T", "emails": "", "nickName": "N"} |
        | blank-value | OneLogin | PATCH | /Groups/{team} | {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{"op": "replace", "value": {"displayName": "T-{tag}", "members": ""}}]} |
        | dot-behind-urn | Entra ID | PATCH | /Users/{anna} | {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{"op": "add", "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User.department", "value": "D"}]} |
        | operation-name | Entra ID | PATCH | /Groups/{team} | {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{"name": "addMember", "op": "add", "path": "members", "value": [{"value": "{absent}"}]}]} |
        | envelope-member | Entra ID | PATCH | /Groups/{team} | {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "id": "{team}", "externalId": "x", "Operations": [{"op": "replace", "path": "displayName", "value": "T-{tag}"}]} |
        | filter-on-single | Entra ID | PATCH | /Users/{anna} | {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{"op": "add", "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager", "value": {"value": "{boss}"}}, {"op": "remove", "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager[value eq \\"{boss}\\"]"}, {"op": "add", "path": "title", "value": "T"}]} |
        | schemas-in-extension | scim2-models | PUT | /Users/{anna} | {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"], "userName": "anna-{tag}", "title": "T", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"schemas": ["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"], "department": "D"}} |
        | schemas-in-extension | scim2-models | PATCH | /Users/{anna} | {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{"op": "add", "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User", "value": {"schemas": ["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"], "department": "D"}}]} |
        | display-name-in-value | Entra ID | PATCH | /Users/{anna} | {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{"op": "add", "path": "roles", "value": [{"value": "r", "displayName": "Reader"}]}]} |
        | display-name-in-value | Entra ID | PATCH | /Groups/{team} | {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{"op": "add", "path": "members", "value": [{"value": "{absent}", "displayName": "A"}]}]} |
        | unknown-sub-attribute | Entra ID | PUT | /Users/{anna} | {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"], "userName": "anna-{tag}", "title": "T", "roles": [{"id": "7", "value": "r", "display": "Reader"}]} |
        | wrapped-value | Entra ID | PATCH | /Users/{anna} | {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{"op": "add", "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager", "value": [{"value": "{boss}"}]}]} |
        | wrapped-value | Entra ID | PATCH | /Users/{anna} | {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{"op": "add", "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber", "value": ["7"]}]} |
        | wrapped-value | Entra ID | PATCH | /Users/{anna} | {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{"op": "replace", "path": "emails[type eq \\"work\\"].value", "value": [{"value": "n@example.com"}]}]} |

    Scenario Outline: <deviation>, as <provider> filters, is refused
      Given the server is strict
      When the client filters Users by: <filter>
      Then the answer is 400
      And its detail says "<deviation>"

      Examples:
        | deviation | provider | filter |
        | filter-behind-brackets | Entra ID | emails[type eq "work"].value eq "anna-{tag}@example.com" |
        | filter-boolean-string | Entra ID | userName eq "anna-{tag}" and emails[primary eq "True"] |
        | dot-behind-urn | Entra ID | userName eq "anna-{tag}" and not (urn:ietf:params:scim:schemas:extension:enterprise:2.0:User.department pr) |

    Scenario Outline: <deviation>, as <provider> asks, is refused
      Given the server is strict
      When the client sends <method> "<path>" with:
        """
        <body>
        """
      Then the answer is 400
      And its detail says "<deviation>"

      Examples:
        | deviation | provider | method | path | body |
        | fail-on-no-errors | Entra ID | POST | /Bulk | {"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "failOnErrors": 0, "Operations": [{"method": "DELETE", "path": "/Users/none"}, {"method": "PATCH", "path": "/Users/{anna}", "data": {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{"op": "replace", "path": "title", "value": "T"}]}}]} |
        | parameter-letter-case | Entra ID | GET | /Users?filter=id+eq+%22{anna}%22&startindex=0&Count=1 |  |
        | unknown-parameter | all | GET | /Users?filter=id+eq+%22{anna}%22&api-version=1 |  |
        | dot-behind-urn | Entra ID | GET | /Users?filter=id+eq+%22{anna}%22&attributes=urn:ietf:params:scim:schemas:extension:enterprise:2.0:User.department,userName |  |

    Scenario: What the standard allows, a strict server takes
      Given the server is strict
      When the client sends PUT "/Users/{anna}" with:
        """
        {"SCHEMAS": ["URN:IETF:params:scim:schemas:core:2.0:User"], "USERNAME": "anna-{tag}", "Title": "T", "nickName": null, "id": "x", "groups": []}
        """
      Then the answer is 200
      And "/title" is "T"
