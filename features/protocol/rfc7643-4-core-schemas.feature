@rfc7643-4
Feature: Users and groups (Section 4 of RFC 7643)

  @must @rfc7643-4.1.1
  Scenario: password is never returned
    When the client sends POST "/Users" with:
      """
      {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "anna-{tag}", "password": "t1meMa$heen-{tag}"}
      """
    Then the answer is 201
    And "/password" is not there
    And "/id" is kept as anna
    When the client sends GET "/Users/{anna}?attributes=password"
    Then "/password" is not there

  @may @rfc7643-4.1.2
  Scenario: A user shows the groups that the user is in
    A server need not support the attribute.

    Given a user anna
    And a group inner with:
      """
      "members": [{"value": "{anna}"}]
      """
    When the client sends GET "/Users/{anna}"
    Then "/groups" has 1 value
    And "/groups/0/value" is "{inner}"
    And "/groups/0/type" should be "direct"

  @must @rfc7643-4.1.2
  Scenario: A user's groups are read-only
    Given a user anna
    And a group inner with:
      """
      "members": [{"value": "{anna}"}]
      """
    When the client sends PUT "/Users/{anna}" with:
      """
      {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "anna-{tag}", "groups": []}
      """
    Then the answer is 200
    When the client sends GET "/Groups/{inner}"
    Then "/members" has 1 value

  @must @rfc7643-4.2
  Scenario: A group holds users
    Given a user anna
    And a group team with:
      """
      "members": [{"value": "{anna}"}]
      """
    When the client sends GET "/Groups/{team}"
    Then "/members/0/value" is "{anna}"
    And "/members/0/type" should be "User"
    And "/members/0/$ref" should be there

  @may @rfc7643-4.2
  Scenario: A group holds users and groups, and says which
    A server need not support groups in groups.

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
    And "/members/0/$ref" should be there
    When the client sends GET "/Users/{anna}"
    Then "/groups" has 2 values

  @ours @rfc7643-4.2
  Scenario: A member who is not there is refused
    The RFCs are silent; others keep who is not there yet.

    When the client sends POST "/Groups" with:
      """
      {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "team-{tag}", "members": [{"value": "nobody-{tag}"}]}
      """
    Then the answer is 400
    And the scimType should be "invalidValue"

  @must @rfc7643-4.3
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
    And "/urn:ietf:params:scim:schemas:extension:enterprise:2.0:User/manager/displayName" should be "Barbara Boss"
    And "/urn:ietf:params:scim:schemas:extension:enterprise:2.0:User/manager/$ref" should be there
