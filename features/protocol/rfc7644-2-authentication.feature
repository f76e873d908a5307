@rfc7644-2
Feature: Authentication (Section 2 of RFC 7644)

  @must @rfc7644-2
  Scenario Outline: <what> is answered with 401 and a challenge
    Given the header "Authorization" is sent as "<header>"
    When the client sends GET "/Users"
    Then the answer is 401
    And the header "WWW-Authenticate" is there

    Examples:
      | what               | header                     |
      | No token           |                            |
      | An empty token     | Bearer                     |
      | An unknown token   | Bearer not-a-token-{tag}   |
      | Another scheme     | Basic YW5uYTpzZWNyZXQ=     |

  @must @rfc7644-2
  Scenario: Nothing is written without a token
    Given the header "Authorization" is sent as ""
    When the client sends POST "/Users" with:
      """
      {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "anna-{tag}"}
      """
    Then the answer is 401
    When the client filters Users by: userName eq "anna-{tag}"
    Then the list holds nobody
