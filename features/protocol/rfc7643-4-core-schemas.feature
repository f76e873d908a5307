@rfc7643-4
Feature: Users and groups (Section 4 of RFC 7643)

  @rfc7643-4.1
  Scenario: password is never returned
    When the client sends POST "/Users" with:
      """
      {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "anna-{tag}", "nickName": "A"}
      """
    Then the answer is 201
    And "/password" is not there

  @rfc7643-4.1.2
  Scenario: A user's groups are read-only, and tell direct from indirect
    Given a user anna
    And a group inner with:
      """
      "members": [{"value": "{anna}"}]
      """
    When the client sends GET "/Users/{anna}"
    Then "/groups" has 1 value
    And "/groups/0/value" is "{inner}"
    And "/groups/0/type" is "direct"
    When the client sends PUT "/Users/{anna}" with:
      """
      {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "anna-{tag}", "groups": []}
      """
    Then the answer is 200
    When the client sends GET "/Groups/{inner}"
    Then "/members" has 1 value

  @rfc7643-4.2
  Scenario: A group holds users and groups, and says which
    Given a user anna
    And a group inner with:
      """
      "members": [{"value": "{anna}"}]
      """
    And a group outer with:
      """
      "members": [{"value": "{inner}", "type": "Group"}]
      """
    When the client sends GET "/Groups/{outer}"
    Then "/members/0/value" is "{inner}"
    And "/members/0/type" is "Group"
    And "/members/0/$ref" is there
    When the client sends GET "/Users/{anna}"
    Then "/groups" has 2 values

  @rfc7643-4.2
  Scenario: A member who is not there is refused
    When the client sends POST "/Groups" with:
      """
      {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "team-{tag}", "members": [{"value": "nobody-{tag}"}]}
      """
    Then the answer is 400 invalidValue

  @rfc7643-4.3
  Scenario: The manager of the enterprise extension leads to a user
    Given a user boss with:
      """
      "displayName": "Barbara Boss"
      """
    And a user anna with:
      """
      "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
      "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"employeeNumber": "701984", "manager": {"value": "{boss}"}}
      """
    When the client sends GET "/Users/{anna}"
    Then "/urn:ietf:params:scim:schemas:extension:enterprise:2.0:User/manager/value" is "{boss}"
    And "/urn:ietf:params:scim:schemas:extension:enterprise:2.0:User/manager/displayName" is "Barbara Boss"
    And "/urn:ietf:params:scim:schemas:extension:enterprise:2.0:User/manager/$ref" is there
