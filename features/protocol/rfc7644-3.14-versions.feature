@rfc7644-3.14
Feature: Versions (Section 3.14 of RFC 7644)

  Background:
    Given the server announces etag
    And a user anna
    When the client sends GET "/Users/{anna}"
    Then the header "ETag" is kept as first

  @should @rfc7644-3.14
  Scenario: The version stands in meta too
    When the client sends GET "/Users/{anna}"
    Then "/meta/version" is there

  @must @rfc7644-3.14
  Scenario: What has not changed need not be sent again
    Given the header "If-None-Match" is sent as "{first}"
    When the client sends GET "/Users/{anna}"
    Then the answer is 304
    And the answer has no body

  @must @rfc7644-3.14
  Scenario: What has changed is
    When the client patches "/Users/{anna}" with:
      """
      {"op": "add", "path": "title", "value": "T"}
      """
    Given the header "If-None-Match" is sent as "{first}"
    When the client sends GET "/Users/{anna}"
    Then the answer is 200
    And the header "ETag" is not {first}

  @must @rfc7644-3.14
  Scenario Outline: <method> at a version that is over is refused with 412
    When the client patches "/Users/{anna}" with:
      """
      {"op": "add", "path": "title", "value": "T"}
      """
    Given the header "If-Match" is sent as "{first}"
    When the client sends <method> "/Users/{anna}" with:
      """
      <body>
      """
    Then the answer is 412
    When the client sends GET "/Users/{anna}"
    Then "/title" is "T"

    Examples:
      | method | body |
      | PUT    | {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "anna-{tag}", "title": "lost"} |
      | PATCH  | {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{"op": "replace", "path": "title", "value": "lost"}]} |

  @must @rfc7644-3.14
  Scenario: DELETE at a version that is over is refused with 412
    When the client patches "/Users/{anna}" with:
      """
      {"op": "add", "path": "title", "value": "T"}
      """
    Given the header "If-Match" is sent as "{first}"
    When the client sends DELETE "/Users/{anna}"
    Then the answer is 412

  @must @rfc7644-3.14
  Scenario Outline: A write at the present version, or at any, is done: <tag>
    Given the header "If-Match" is sent as "<tag>"
    When the client patches "/Users/{anna}" with:
      """
      {"op": "add", "path": "title", "value": "T"}
      """
    Then the answer is 200 or 204

    Examples:
      | tag     |
      | {first} |
      | *       |

  @ours @rfc7644-3.14
  Scenario: Of several writers with the same version one wins
    Without a condition all writers are answered; how many at once is the server's affair.

    When 5 clients send PUT "/Users/{anna}" at once with:
      """
      {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "anna-{tag}", "title": "writer {n}"}
      """
    Then 5 answers are 200
