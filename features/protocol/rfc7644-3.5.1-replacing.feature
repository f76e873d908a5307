@rfc7644-3.5.1
Feature: Replacing with PUT (Section 3.5.1 of RFC 7644)

  Background:
    Given a user anna with:
      """
      "externalId": "x-{tag}", "title": "Guide", "nickName": "Annie",
      "emails": [{"value": "a@example.com", "type": "work"}, {"value": "b@example.com", "type": "home"}]
      """

  @must @rfc7644-3.5.1
  Scenario: What is sent replaces what is there
    When the client sends PUT "/Users/{anna}" with:
      """
      {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "id": "{anna}", "userName": "anna-{tag}", "title": "Boss",
       "emails": [{"value": "c@example.com", "type": "work"}]}
      """
    Then the answer is 200
    And "/title" is "Boss"
    And "/emails" has 1 value
    And "/emails/0/value" is "c@example.com"

  @may @rfc7644-3.5.1
  Scenario: What is not sent is gone
    A server may take it as cleared, or keep a default.

    When the client sends PUT "/Users/{anna}" with:
      """
      {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "id": "{anna}", "userName": "anna-{tag}", "title": "Boss"}
      """
    Then the answer is 200
    And "/nickName" is not there
    And "/emails" is not there

  @must @rfc7644-3.5.1
  Scenario: Read-only attributes in the body are ignored
    When the client sends PUT "/Users/{anna}" with:
      """
      {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "id": "another", "userName": "anna-{tag}",
       "meta": {"resourceType": "Group"}, "groups": [{"value": "x"}]}
      """
    Then the answer is 200
    And "/id" is "{anna}"
    And "/meta/resourceType" is "User"

  @should @rfc7644-3.5.1
  Scenario: Without what is required it is refused, and nothing changes
    The duty to send it is the client's.

    When the client sends PUT "/Users/{anna}" with:
      """
      {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "title": "Boss"}
      """
    Then the answer is 400
    When the client sends GET "/Users/{anna}"
    Then "/title" is "Guide"

  @must @rfc7643-4.1.1
  Scenario: A name that another has is refused
    Given a user ben
    When the client sends PUT "/Users/{anna}" with:
      """
      {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "ben-{tag}"}
      """
    Then the answer is 409
    And the scimType should be "uniqueness"

  @must @rfc7644-3.5.1
  Scenario: What is not there is not created
    When the client sends PUT "/Users/00000000-0000-4000-8000-000000000000" with:
      """
      {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "new-{tag}"}
      """
    Then the answer is 404

  @ours @rfc7644-3.5.1
  Scenario: The same PUT twice changes nothing the second time
    The RFCs are silent.

    Given the server announces etag
    When the client sends PUT "/Users/{anna}" with:
      """
      {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "anna-{tag}", "title": "Boss"}
      """
    Then the header "ETag" is kept as first
    When the client sends PUT "/Users/{anna}" with:
      """
      {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "anna-{tag}", "title": "Boss"}
      """
    Then the header "ETag" is {first}

  @must @rfc7644-3.5.1
  Scenario: A group is replaced with its members
    Given a user ben
    And a group team with:
      """
      "members": [{"value": "{anna}"}]
      """
    When the client sends PUT "/Groups/{team}" with:
      """
      {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "renamed-{tag}", "members": [{"value": "{ben}"}]}
      """
    Then the answer is 200
    And "/displayName" is "renamed-{tag}"
    And "/members" has 1 value
    And "/members/0/value" is "{ben}"
