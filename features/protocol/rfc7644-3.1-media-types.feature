@rfc7644-3.1
Feature: Media types, methods and paths (Sections 3.1 and 3.2 of RFC 7644)

  Scenario Outline: A body of type <type> is taken
    Given the header "Content-Type" is sent as "<type>"
    When the client sends POST "/Users" with:
      """
      {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "anna-{tag}"}
      """
    Then the answer is 201

    Examples:
      | type                                 |
      | application/scim+json                |
      | application/scim+json; charset=utf-8 |
      | application/json                     |

  Scenario: The answer is application/scim+json when that is asked for
    Given a user anna
    And the header "Accept" is sent as "application/scim+json"
    When the client sends GET "/Users/{anna}"
    Then the answer is 200
    And the header "Content-Type" has "application/scim+json"

  Scenario: The answer is application/json when that is asked for
    Given a user anna
    And the header "Accept" is sent as "application/json"
    When the client sends GET "/Users/{anna}"
    Then the answer is 200
    And the header "Content-Type" has "application/json"

  Scenario: A body of another type is refused
    Given the header "Content-Type" is sent as "text/plain"
    When the client sends POST "/Users" with:
      """
      {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "anna-{tag}"}
      """
    Then the answer is 415

  Scenario: A client that takes no JSON is told so
    Given the header "Accept" is sent as "text/html"
    When the client sends GET "/Users"
    Then the answer is 406

  Scenario: HEAD is answered as GET, without a body
    Given a user anna
    When the client sends HEAD "/Users/{anna}"
    Then the answer has no body
    And the header "Content-Type" is there

  Scenario: A path that ends in a slash is the same
    Given a user anna
    When the client sends GET "/Users/{anna}/"
    Then the answer is 200
    And "/id" is "{anna}"

  Scenario: A method that is not possible is told with those that are
    When the client sends DELETE "/Users"
    Then the answer is 405
    And the header "Allow" has "GET"

  Scenario: An endpoint that does not exist is a SCIM error
    When the client sends GET "/Nonsense"
    Then the answer is 404
