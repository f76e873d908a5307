@rfc7644-3.4.1
Feature: Reading a known resource (Section 3.4.1 of RFC 7644)

  @must @rfc7644-3.4.1
  Scenario: A resource is read by its id
    Given a user anna with:
      """
      "displayName": "Anna"
      """
    When the client sends GET "/Users/{anna}"
    Then the answer is 200
    And "/displayName" is "Anna"
    And "/schemas/0" is "urn:ietf:params:scim:schemas:core:2.0:User"

  Scenario Outline: What is not there is 404: <path>
    Given a user anna
    When the client sends GET "<path>"
    Then the answer is 404

    @must @rfc7644-3.4.1
    Examples:
      | path                                        |
      | /Users/00000000-0000-4000-8000-000000000000 |
      | /Users/not-an-id                            |

    @should @rfc7644-3.4.1
    Examples:
      | path              |
      | /Groups/{anna}    |
      | /Users/anna-{tag} |
