@rfc7644-3.6
Feature: Deleting (Section 3.6 of RFC 7644)

  @must @rfc7644-3.6
  Scenario: What is deleted is gone
    Given a user anna
    When the client sends DELETE "/Users/{anna}"
    Then the answer is 204
    And the answer has no body
    When the client sends GET "/Users/{anna}"
    Then the answer is 404
    When the client sends DELETE "/Users/{anna}"
    Then the answer is 404
    When the client filters Users by: userName eq "anna-{tag}"
    Then the list holds nobody

  @should @rfc7644-3.6
  Scenario: The userName is free again
    Given a user anna
    When the client sends DELETE "/Users/{anna}"
    Then the answer is 204
    When the client sends POST "/Users" with:
      """
      {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "anna-{tag}"}
      """
    Then the answer is 201

  @should @rfc7644-3.6
  Scenario: A user who is deleted is in no group any more
    Given a user anna
    And a user ben
    And a group team with:
      """
      "members": [{"value": "{anna}"}, {"value": "{ben}"}]
      """
    When the client sends DELETE "/Users/{anna}"
    Then the answer is 204
    When the client sends GET "/Groups/{team}"
    Then "/members" has 1 value
    And "/members/0/value" is "{ben}"

  @must @rfc7644-3.6
  Scenario: The members of a group that is deleted stay
    Given a user anna
    And a group team with:
      """
      "members": [{"value": "{anna}"}]
      """
    When the client sends DELETE "/Groups/{team}"
    Then the answer is 204
    When the client sends GET "/Users/{anna}"
    Then the answer is 200
    And "/groups" is not there
