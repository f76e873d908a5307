@guide-multiple-instances @wire
Feature: Instances are apart
  Nothing of one instance can be read or changed with the key of another. All
  that can be learned is that a user name is taken.

  Background:
    Given the instances "acme" and "globex"
    And a user anna with:
      """
      "externalId": "secret-{tag}", "title": "Analyst"
      """
    And a group team with:
      """
      "members": [{"value": "{anna}"}]
      """
    And the client has the key of "globex"

  Scenario Outline: <method> <path> is 404
    When the client sends <method> "<path>"
    Then the answer is 404

    Examples:
      | method | path           |
      | GET    | /Users/{anna}  |
      | DELETE | /Users/{anna}  |
      | GET    | /Groups/{team} |
      | DELETE | /Groups/{team} |

  Scenario Outline: <method> <path> with a body is 404
    When the client sends <method> "<path>" with:
      """
      <body>
      """
    Then the answer is 404

    Examples:
      | method | path           | body |
      | PUT    | /Users/{anna}  | {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "mallory-{tag}"} |
      | PATCH  | /Users/{anna}  | {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{"op": "replace", "path": "active", "value": false}]} |
      | PUT    | /Groups/{team} | {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "x"} |
      | PATCH  | /Groups/{team} | {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{"op": "remove", "path": "members"}]} |

  Scenario Outline: A search finds nobody: <filter>
    When the client looks for Users by: <filter>
    Then the list holds nobody

    Examples:
      | filter                        |
      | userName eq "anna-{tag}"      |
      | id eq "{anna}"                |
      | externalId eq "secret-{tag}"  |
      | title eq "Analyst"            |

  Scenario: A member of another instance is not taken
    When the client sends POST "/Groups" with:
      """
      {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "x-{tag}", "members": [{"value": "{anna}"}]}
      """
    Then the answer is 400 invalidValue

  Scenario: A group may have the same name
    When the client sends POST "/Groups" with:
      """
      {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "team-{tag}"}
      """
    Then the answer is 201

  Scenario: That a user name is taken is all that is told
    When the client sends POST "/Users" with:
      """
      {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "anna-{tag}"}
      """
    Then the answer is 409 uniqueness
    And its detail says "a user of another instance has it"
