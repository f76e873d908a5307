@rfc7644-3.1
Feature: Media types, methods and paths (Sections 3.1 and 3.2 of RFC 7644)

  Scenario Outline: A body of type <type> is taken
    Given the header "Content-Type" is sent as "<type>"
    When the client sends POST "/Users" with:
      """
      {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "anna-{tag}"}
      """
    Then the answer is 201

    @must @rfc7644-8.1
    Examples:
      | type                  |
      | application/scim+json |

    @should @rfc7644-3.1
    Examples:
      | type                                 |
      | application/scim+json; charset=utf-8 |
      | application/json                     |

  @must @rfc7644-3.1
  Scenario: The answer is application/scim+json when that is asked for
    Given a user anna
    And the header "Accept" is sent as "application/scim+json"
    When the client sends GET "/Users/{anna}"
    Then the answer is 200
    And the header "Content-Type" has "application/scim+json"

  @should @rfc7644-3.1
  Scenario: The answer is application/json when that is asked for
    Given a user anna
    And the header "Accept" is sent as "application/json"
    When the client sends GET "/Users/{anna}"
    Then the answer is 200
    And the header "Content-Type" has "application/json"

  @ours @rfc7644-3.1
  Scenario: A body of another type is refused
    HTTP has 415 for it; SCIM does not ask for it.

    Given the header "Content-Type" is sent as "text/plain"
    When the client sends POST "/Users" with:
      """
      {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "anna-{tag}"}
      """
    Then the answer is 415

  @ours @rfc7644-3.1
  Scenario: A client that takes no JSON is told so
    HTTP has 406 for it; SCIM does not ask for it.

    Given the header "Accept" is sent as "text/html"
    When the client sends GET "/Users"
    Then the answer is 406

  @may @rfc7644-3.2
  Scenario: HEAD is answered as GET, without a body
    HTTP asks for it, SCIM does not name it.

    Given a user anna
    When the client sends HEAD "/Users/{anna}"
    Then the answer has no body
    And the header "Content-Type" is there

  @ours @rfc7644-3.2
  Scenario: A path that ends in a slash is the same
    The RFCs are silent.

    Given a user anna
    When the client sends GET "/Users/{anna}/"
    Then the answer is 200
    And "/id" is "{anna}"

  @ours @rfc7644-3.2
  Scenario: A method that is not possible is told with those that are
    HTTP has 405 for it; others answer 404.

    When the client sends DELETE "/Users"
    Then the answer is 405
    And the header "Allow" has "GET"

  @should @rfc7644-3.12
  Scenario: An endpoint that does not exist is a SCIM error
    When the client sends GET "/Nonsense"
    Then the answer is 404
