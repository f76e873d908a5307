@rfc7644-3.4.3
Feature: Querying by POST (Section 3.4.3 of RFC 7644)

  Scenario Outline: A SearchRequest to <path> is answered as a GET with the same parameters
    Given 3 users
    When the client sends POST "<path>" with:
      """
      {"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "attributes": ["userName"],
       "filter": "name.familyName eq \"Family-{tag}\"", "startIndex": 2, "count": 1}
      """
    Then the answer is 200
    And "/totalResults" is 3
    And "/itemsPerPage" is 1
    And "/startIndex" is 2
    And "/Resources/0/userName" is there
    And "/Resources/0/name" is not there

    @should @rfc7644-3.4.3
    Examples:
      | path           |
      | /Users/.search |

    @may @rfc7644-3.4.3
    Examples:
      | path     |
      | /.search |

  @should @rfc7644-3.4.3
  Scenario: Groups are searched too
    Given a group team
    When the client sends POST "/Groups/.search" with:
      """
      {"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": "displayName eq \"team-{tag}\"", "excludedAttributes": ["members"]}
      """
    Then the list holds team

  @should @rfc7644-3.4.3
  Scenario: Sorted, descending
    Given the server announces sort
    And 3 users
    When the client sends POST "/Users/.search" with:
      """
      {"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": "name.familyName eq \"Family-{tag}\"",
       "sortBy": "userName", "sortOrder": "descending"}
      """
    Then the list holds, in this order, u3, u2, u1

  Scenario Outline: What is not valid is refused: <what>
    When the client sends POST "/Users/.search" with:
      """
      {"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], <member>}
      """
    Then the answer is 400

    @should @rfc7644-3.4.3
    Examples:
      | what             | member               |
      | the filter       | "filter": "userName" |
      | the count's type | "count": "many"      |

    @ours @rfc7644-3.4.3
    Examples:
      | what               | member                     |
      | an unknown member  | "fliter": "userName pr"    |
      | another message    | "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "filter": "userName pr" |
