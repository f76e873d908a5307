@rfc9865-2
Feature: Cursor-based pagination (RFC 9865)

  Background:
    Given the server announces cursor
    And 5 users

  @must @rfc9865-2
  Scenario: The pages of a query follow each other by their cursors
    When the client sends GET "/Users?filter=name.familyName+eq+%22Family-{tag}%22&cursor&count=2"
    Then the list holds u1, u2
    And "/totalResults" is 5
    And "/itemsPerPage" should be 2
    And "/previousCursor" is not there
    And "/nextCursor" is kept as next
    When the client sends GET "/Users?filter=name.familyName+eq+%22Family-{tag}%22&cursor={next}&count=2"
    Then the list holds u3, u4
    And "/nextCursor" is kept as next
    When the client sends GET "/Users?filter=name.familyName+eq+%22Family-{tag}%22&cursor={next}&count=2"
    Then the list holds u5
    And "/nextCursor" is not there

  @should @rfc9865-2
  Scenario: A page that is the last one has no next cursor, even if it is full
    When the client sends GET "/Users?filter=name.familyName+eq+%22Family-{tag}%22&cursor=&count=5"
    Then the list holds u1, u2, u3, u4, u5
    And "/nextCursor" is not there

  @ours @rfc9865-2
  Scenario: Writes between two pages neither repeat nor skip anybody
    The RFC leaves open what writes between pages do.

    When the client sends GET "/Users?filter=name.familyName+eq+%22Family-{tag}%22&cursor&count=2"
    Then "/nextCursor" is kept as next
    When the client sends DELETE "/Users/{u1}"
    And the client sends DELETE "/Users/{u2}"
    And the client sends GET "/Users?filter=name.familyName+eq+%22Family-{tag}%22&cursor={next}&count=2"
    Then the list holds u3, u4

  @must @rfc9865-2
  Scenario: Sorted pages
    Given the server announces sort
    When the client sends GET "/Users?filter=name.familyName+eq+%22Family-{tag}%22&sortBy=userName&sortOrder=descending&cursor&count=3"
    Then the list holds, in this order, u5, u4, u3
    And "/nextCursor" is kept as next
    When the client sends GET "/Users?filter=name.familyName+eq+%22Family-{tag}%22&sortBy=userName&sortOrder=descending&cursor={next}&count=3"
    Then the list holds, in this order, u2, u1

  @should @rfc9865-3
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

  @must @rfc9865-2
  Scenario: A count of 0 returns no resource, and the total
    When the client sends GET "/Users?filter=name.familyName+eq+%22Family-{tag}%22&cursor&count=0"
    Then the list holds nobody
    And "/totalResults" is 5

  Scenario Outline: A cursor that is not valid is refused: <what>
    When the client sends GET "/Users?filter=name.familyName+eq+%22Family-{tag}%22&cursor&count=2"
    Then "/nextCursor" is kept as next
    When the client sends GET "/Users?<query>"
    Then the answer is 400 invalidCursor

    @should @rfc9865-2.1
    Examples:
      | what             | query                                                                              |
      | invented         | filter=name.familyName+eq+%22Family-{tag}%22&cursor=nonsense                       |
      | altered          | filter=name.familyName+eq+%22Family-{tag}%22&cursor={next}x                        |

    @ours @rfc9865-2.1
    Examples: of another query
      | what             | query                                                                              |
      | of another query | filter=name.familyName+ne+%22Family-{tag}%22&cursor={next}                         |
      | of another order | filter=name.familyName+eq+%22Family-{tag}%22&sortBy=userName&cursor={next}         |

  @must @rfc9865-4
  Scenario: It is announced
    When the client sends GET "/ServiceProviderConfig"
    Then "/pagination/cursor" is true
    And "/pagination/index" is there

  @must @rfc9865-2
  Scenario: Without a cursor the default method answers
    When the client sends GET "/Users?filter=name.familyName+eq+%22Family-{tag}%22&count=2"
    Then the answer is 200
    And "/totalResults" is 5
