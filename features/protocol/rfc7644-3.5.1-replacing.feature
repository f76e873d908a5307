@rfc7644-3.5.1
Feature: Replacing with PUT (Section 3.5.1 of RFC 7644)

  Background:
    Given a user anna with:
      """
      "externalId": "x-{tag}", "title": "Guide", "nickName": "Annie",
      "emails": [{"value": "a@example.com", "type": "work"}, {"value": "b@example.com", "type": "home"}]
      """

  Scenario: What is sent replaces what is there, and what is not sent is gone
    When the client sends PUT "/Users/{anna}" with:
      """
      {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "id": "{anna}", "userName": "anna-{tag}", "title": "Boss",
       "emails": [{"value": "c@example.com", "type": "work"}]}
      """
    Then the answer is 200
    And "/title" is "Boss"
    And "/emails" has 1 value
    And "/emails/0/value" is "c@example.com"
    And "/nickName" is not there

  Scenario: Read-only attributes in the body are ignored
    When the client sends PUT "/Users/{anna}" with:
      """
      {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "id": "another", "userName": "anna-{tag}",
       "meta": {"resourceType": "Group"}, "groups": [{"value": "x"}]}
      """
    Then the answer is 200
    And "/id" is "{anna}"
    And "/meta/resourceType" is "User"

  Scenario: Without what is required it is refused, and nothing changes
    When the client sends PUT "/Users/{anna}" with:
      """
      {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "title": "Boss"}
      """
    Then the answer is 400
    When the client sends GET "/Users/{anna}"
    Then "/title" is "Guide"

  Scenario: A name that another has is refused
    Given a user ben
    When the client sends PUT "/Users/{anna}" with:
      """
      {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "ben-{tag}"}
      """
    Then the answer is 409 uniqueness

  Scenario: What is not there is not created
    When the client sends PUT "/Users/00000000-0000-4000-8000-000000000000" with:
      """
      {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "new-{tag}"}
      """
    Then the answer is 404

  Scenario: The same PUT twice changes nothing the second time
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
