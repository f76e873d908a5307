@rfc9865-2
Feature: Cursor-based pagination (RFC 9865)

  Background:
    Given the server announces cursor
    And 5 users

  Scenario: The pages of a query follow each other by their cursors
    When the client sends GET "/Users?filter=name.familyName+eq+%22Family-{tag}%22&cursor&count=2"
    Then the list holds u1, u2
    And "/totalResults" is 5
    And "/itemsPerPage" is 2
    And "/previousCursor" is not there
    And "/nextCursor" is kept as next
    When the client sends GET "/Users?filter=name.familyName+eq+%22Family-{tag}%22&cursor={next}&count=2"
    Then the list holds u3, u4
    And "/nextCursor" is kept as next
    When the client sends GET "/Users?filter=name.familyName+eq+%22Family-{tag}%22&cursor={next}&count=2"
    Then the list holds u5
    And "/nextCursor" is not there

  Scenario: A page that is the last one has no next cursor, even if it is full
    When the client sends GET "/Users?filter=name.familyName+eq+%22Family-{tag}%22&cursor=&count=5"
    Then the list holds u1, u2, u3, u4, u5
    And "/nextCursor" is not there

  Scenario: Writes between two pages neither repeat nor skip anybody
    When the client sends GET "/Users?filter=name.familyName+eq+%22Family-{tag}%22&cursor&count=2"
    Then "/nextCursor" is kept as next
    When the client sends DELETE "/Users/{u1}"
    And the client sends DELETE "/Users/{u2}"
    And the client sends GET "/Users?filter=name.familyName+eq+%22Family-{tag}%22&cursor={next}&count=2"
    Then the list holds u3, u4

  Scenario: Sorted pages
    Given the server announces sort
    When the client sends GET "/Users?filter=name.familyName+eq+%22Family-{tag}%22&sortBy=userName&sortOrder=descending&cursor&count=3"
    Then the list holds, in this order, u5, u4, u3
    And "/nextCursor" is kept as next
    When the client sends GET "/Users?filter=name.familyName+eq+%22Family-{tag}%22&sortBy=userName&sortOrder=descending&cursor={next}&count=3"
    Then the list holds, in this order, u2, u1

  Scenario: By POST
    When the client sends POST "/Users/.search" with:
      """
      {"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": "name.familyName eq \"Family-{tag}\"", "cursor": "", "count": 4}
      """
    Then the list holds u1, u2, u3, u4
    And "/nextCursor" is kept as next
    When the client sends POST "/Users/.search" with:
      """
      {"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": "name.familyName eq \"Family-{tag}\"", "cursor": "{next}", "count": 4}
      """
    Then the list holds u5

  Scenario: A count of 0 returns no resource, and the total
    When the client sends GET "/Users?filter=name.familyName+eq+%22Family-{tag}%22&cursor&count=0"
    Then the list holds nobody
    And "/totalResults" is 5

  @rfc9865-2.1
  Scenario Outline: A cursor that is not valid is refused: <what>
    When the client sends GET "/Users?filter=name.familyName+eq+%22Family-{tag}%22&cursor&count=2"
    Then "/nextCursor" is kept as next
    When the client sends GET "/Users?<query>"
    Then the answer is 400 invalidCursor

    Examples:
      | what             | query                                                                              |
      | invented         | filter=name.familyName+eq+%22Family-{tag}%22&cursor=nonsense                       |
      | altered          | filter=name.familyName+eq+%22Family-{tag}%22&cursor={next}x                        |
      | of another query | filter=name.familyName+ne+%22Family-{tag}%22&cursor={next}                         |
      | of another order | filter=name.familyName+eq+%22Family-{tag}%22&sortBy=userName&cursor={next}         |

  @rfc9865-4
  Scenario: It is announced
    When the client sends GET "/ServiceProviderConfig"
    Then "/pagination/cursor" is true
    And "/pagination/index" is there

  Scenario: Without a cursor the default method answers
    When the client sends GET "/Users?filter=name.familyName+eq+%22Family-{tag}%22&count=2"
    Then the answer is 200
    And "/totalResults" is 5
