@rfc7644-3.4.2
Feature: Lists (Section 3.4.2 of RFC 7644)

  @must @rfc7644-3.4.2
  Scenario: A list is a ListResponse
    Given a user anna
    When the client filters Users by: userName eq "anna-{tag}"
    Then the list holds anna
    And "/schemas/0" is "urn:ietf:params:scim:api:messages:2.0:ListResponse"
    And "/totalResults" is 1
    And "/Resources/0/userName" is "anna-{tag}"

  @must @rfc7644-3.4.2
  Scenario: A list of nothing has no resources, and is no error
    When the client filters Users by: userName eq "nobody-{tag}"
    Then the answer is 200
    And "/totalResults" is 0
    And "/Resources" has 0 values

  @must @rfc7644-3.4.2.4
  Scenario Outline: startIndex <start> and count <count> give <held>
    Given 3 users
    When the client sends GET "/Users?filter=name.familyName+eq+%22Family-{tag}%22&startIndex=<start>&count=<count>"
    Then the answer is 200
    And "/totalResults" is 3
    And "/Resources" has <held> values

    Examples:
      | start | count | held |
      | 1     | 2     | 2    |
      | 3     | 2     | 1    |
      | 4     | 2     | 0    |
      | 0     | 2     | 2    |
      | -5    | 1     | 1    |
      | 1     | 0     | 0    |
      | 1     | -1    | 0    |
      | 1     | 100   | 3    |

  @must @rfc7644-3.4.2.4
  Scenario: Pages follow each other without gap or overlap
    Given 3 users
    When the client sends GET "/Users?filter=name.familyName+eq+%22Family-{tag}%22&startIndex=1&count=2"
    Then "/startIndex" is 1
    And "/itemsPerPage" is 2
    And "/Resources/1/id" is kept as second
    When the client sends GET "/Users?filter=name.familyName+eq+%22Family-{tag}%22&startIndex=2&count=1"
    Then "/Resources/0/id" is "{second}"

  @must @rfc7644-3.4.2.4
  Scenario: A count that is larger than the server's maximum is no error
    When the client sends GET "/Users?count=1000000"
    Then the answer is 200

  @must @rfc7644-3.4.2.3
  Scenario Outline: Sorted by <by>, <order>
    Given the server announces sort
    And a user b with:
      """
      "name": {"familyName": "Family-{tag}", "givenName": "berta"}, "title": "same"
      """
    And a user c with:
      """
      "name": {"familyName": "Family-{tag}", "givenName": "Carl"}, "title": "same", "emails": [{"value": "1@example.com"}]
      """
    And a user a with:
      """
      "name": {"familyName": "Family-{tag}", "givenName": "Anna"}, "emails": [{"value": "9@example.com"}, {"value": "0@example.com", "primary": true}]
      """
    When the client sends GET "/Users?filter=name.familyName+eq+%22Family-{tag}%22&sortBy=<by>&sortOrder=<order>"
    Then the list holds, in this order, <held>

    Examples:
      | by             | order      | held    |
      | userName       | ascending  | a, b, c |
      | userName       | descending | c, b, a |
      | name.givenName | ascending  | a, b, c |
      | NAME.givenname | descending | c, b, a |
      | emails         | ascending  | a, c, b |
      | emails.value   | descending | b, c, a |
      | meta.created   | ascending  | b, c, a |

  @must @rfc7644-3.4.2.3
  Scenario: Sorted without an order is ascending
    Given the server announces sort
    And a user b with:
      """
      "name": {"familyName": "Family-{tag}"}
      """
    And a user a with:
      """
      "name": {"familyName": "Family-{tag}"}
      """
    When the client sends GET "/Users?filter=name.familyName+eq+%22Family-{tag}%22&sortBy=userName"
    Then the list holds, in this order, a, b

  @may @rfc7644-3.4.2.1
  Scenario: A query of the root finds resources of every type
    A server may refuse it with tooMany.

    Given a user one with:
      """
      "displayName": "Both-{tag}"
      """
    And a group two with:
      """
      "displayName": "Both-{tag}"
      """
    When the client sends GET "?filter=displayName+eq+%22Both-{tag}%22"
    Then the list holds one, two

  @may @rfc7644-3.4.2.1
  Scenario: In a query of the root an attribute that a type lacks has no value
    A server may refuse it with tooMany.

    Given a user one with:
      """
      "displayName": "Both-{tag}", "title": "Boss"
      """
    And a group two with:
      """
      "displayName": "Both-{tag}"
      """
    When the client sends GET "?filter=displayName+eq+%22Both-{tag}%22+and+title+pr"
    Then the list holds one
    When the client sends GET "?filter=displayName+eq+%22Both-{tag}%22+and+not+(title+pr)"
    Then the list holds two
    When the client sends GET "?filter=displayName+eq+%22Both-{tag}%22+and+meta.resourceType+eq+%22Group%22"
    Then the list holds two

  @ours @rfc7644-3.4.2
  Scenario: A parameter that nobody knows is ignored
    The RFCs are silent.

    Given a user anna
    When the client sends GET "/Users?filter=userName+eq+%22anna-{tag}%22&unheardOf=1"
    Then the list holds anna
