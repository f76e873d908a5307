@rfc7644-3.7
Feature: Bulk operations (Section 3.7 of RFC 7644)

  Background:
    Given the server announces bulk

  @must @rfc7644-3.7
  Scenario: Operations of every kind are done, each with its status and location
    Given a user anna
    And a user ben
    And a user carl
    When the client sends POST "/Bulk" with:
      """
      {"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "failOnErrors": 1, "Operations": [
        {"method": "POST", "path": "/Users", "bulkId": "qwerty", "data": {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "Alice-{tag}"}},
        {"method": "PUT", "path": "/Users/{anna}", "data": {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "id": "{anna}", "userName": "Bob-{tag}"}},
        {"method": "PATCH", "path": "/Users/{ben}", "data": {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [
          {"op": "remove", "path": "nickName"}, {"op": "replace", "path": "userName", "value": "Dave-{tag}"}]}},
        {"method": "DELETE", "path": "/Users/{carl}"}
      ]}
      """
    Then the answer is 200
    And "/schemas/0" is "urn:ietf:params:scim:api:messages:2.0:BulkResponse"
    And "/Operations" has 4 values
    And "/Operations/0/status" is "201"
    And "/Operations/0/bulkId" is "qwerty"
    And "/Operations/0/location" is there
    And "/Operations/1/status" is "200"
    And "/Operations/2/status" should be "200"
    And "/Operations/3/status" is "204"
    When the client filters Users by: userName eq "dave-{tag}"
    Then the list holds ben

  @tolerance @rfc7644-3.7.3
  Scenario: The operations of a PATCH may stand alone, as in the RFC's example
    Given a user ben
    When the client sends POST "/Bulk" with:
      """
      {"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": [
        {"method": "PATCH", "path": "/Users/{ben}", "data": [{"op": "remove", "path": "nickName"}, {"op": "replace", "path": "userName", "value": "Dave-{tag}"}]}
      ]}
      """
    Then the answer is 200
    And "/Operations/0/status" is "200"

  @must @rfc7644-3.7.2
  Scenario: A bulkId stands for the id of what is created before it
    When the client sends POST "/Bulk" with:
      """
      {"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": [
        {"method": "POST", "path": "/Users", "bulkId": "qwerty", "data": {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "Alice-{tag}"}},
        {"method": "POST", "path": "/Groups", "bulkId": "ytrewq", "data": {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
          "displayName": "Tour Guides {tag}", "members": [{"type": "User", "value": "bulkId:qwerty"}]}}
      ]}
      """
    Then the answer is 200
    And "/Operations/0/status" is "201"
    And "/Operations/1/status" is "201"
    When the client filters Groups by: displayName eq "Tour Guides {tag}"
    Then "/Resources/0/members" has 1 value

  @must @rfc7644-3.7.2
  Scenario: A bulkId stands for the id of what is created behind it
    When the client sends POST "/Bulk" with:
      """
      {"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": [
        {"method": "POST", "path": "/Groups", "bulkId": "g", "data": {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
          "displayName": "Team {tag}", "members": [{"value": "bulkId:u"}]}},
        {"method": "POST", "path": "/Users", "bulkId": "u", "data": {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "Alice-{tag}"}},
        {"method": "PATCH", "path": "/Users/bulkId:u", "data": {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{"op": "add", "path": "title", "value": "T"}]}}
      ]}
      """
    Then the answer is 200
    And "/Operations/0/status" is "201"
    And "/Operations/1/status" is "201"
    And "/Operations/2/status" is "200"
    When the client filters Groups by: displayName eq "Team {tag}"
    Then "/Resources/0/members" has 1 value

  @should @rfc7644-3.7.1
  Scenario: References in a circle are resolved
    A server may give up with 409 after it tried.

    When the client sends POST "/Bulk" with:
      """
      {"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": [
        {"method": "POST", "path": "/Users", "bulkId": "a", "data": {
          "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"], "userName": "a-{tag}",
          "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"manager": {"value": "bulkId:b"}}}},
        {"method": "POST", "path": "/Users", "bulkId": "b", "data": {
          "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"], "userName": "b-{tag}",
          "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"manager": {"value": "bulkId:a"}}}}
      ]}
      """
    Then the answer is 200
    And "/Operations/0/status" is "201"
    And "/Operations/1/status" is "201"
    When the client filters Users by: userName eq "b-{tag}"
    Then "/Resources/0/id" is kept as b
    When the client filters Users by: userName eq "a-{tag}"
    Then "/Resources/0/urn:ietf:params:scim:schemas:extension:enterprise:2.0:User/manager/value" is "{b}"

  @must @rfc7644-3.7.3
  Scenario Outline: An operation that fails says why: <what>
    Given a user anna
    When the client sends POST "/Bulk" with:
      """
      {"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": [<operation>]}
      """
    Then the answer is 200
    And "/Operations/0/status" is "<status>"
    And "/Operations/0/response/schemas/0" is "urn:ietf:params:scim:api:messages:2.0:Error"

    Examples:
      | what              | operation                                                                                         | status |
      | a taken name      | {"method": "POST", "path": "/Users", "bulkId": "x", "data": {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "anna-{tag}"}} | 409 |
      | nobody            | {"method": "DELETE", "path": "/Users/00000000-0000-4000-8000-000000000000"}                       | 404 |
      | an unknown bulkId | {"method": "DELETE", "path": "/Users/bulkId:nothing"}                                             | 400 |

  @must @rfc7644-3.7.3
  Scenario: Without failOnErrors the others are done
    Given a user anna
    When the client sends POST "/Bulk" with:
      """
      {"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": [
        {"method": "DELETE", "path": "/Users/00000000-0000-4000-8000-000000000000"},
        {"method": "DELETE", "path": "/Users/{anna}"}
      ]}
      """
    Then "/Operations" has 2 values
    And "/Operations/1/status" is "204"

  @must @rfc7644-3.7.3
  Scenario: With failOnErrors it stops, and the rest is not done
    Given a user anna
    When the client sends POST "/Bulk" with:
      """
      {"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "failOnErrors": 1, "Operations": [
        {"method": "DELETE", "path": "/Users/00000000-0000-4000-8000-000000000000"},
        {"method": "DELETE", "path": "/Users/{anna}"}
      ]}
      """
    Then "/Operations" has 1 value
    When the client sends GET "/Users/{anna}"
    Then the answer is 200

  @ours @rfc7644-3.7
  Scenario: A creation without a bulkId fails alone
    The duty to send it is the client's.

    Given a user anna
    When the client sends POST "/Bulk" with:
      """
      {"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": [
        {"method": "POST", "path": "/Users", "data": {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "nobody-{tag}"}},
        {"method": "DELETE", "path": "/Users/{anna}"}
      ]}
      """
    Then the answer is 200
    And "/Operations/0/status" is "400"
    And "/Operations/1/status" is "204"
    When the client filters Users by: userName eq "nobody-{tag}"
    Then the list holds nobody
