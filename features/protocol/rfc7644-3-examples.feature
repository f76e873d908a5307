@rfc7644-3
Feature: The examples of Section 3 of RFC 7644

  Background:
    Given a user babs with:
      """
      "displayName": "Babs Jensen", "emails": [{"value": "bjensen@example.com", "type": "work"}],
      "addresses": [{"type": "work", "streetAddress": "100 Universal City Plaza", "locality": "Hollywood"}]
      """
    And a user james with:
      """
      "displayName": "James Smith"
      """
    And a group guides with:
      """
      "members": [{"value": "{james}"}]
      """

  @must @rfc7644-3.3
  Scenario: 3.3 creates a user
    When the client sends POST "/Users" with:
      """
      {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "bjensen-{tag}", "externalId": "bjensen",
       "name": {"formatted": "Ms. Barbara J Jensen III", "familyName": "Jensen", "givenName": "Barbara"}}
      """
    Then the answer is 201
    And "/externalId" is "bjensen"
    And "/name/formatted" is "Ms. Barbara J Jensen III"

  @may @rfc7644-3.4.3
  Scenario: 3.4.3 searches by POST
    A server may refuse to search all types at once (Section 3.4.2.1).

    When the client sends POST "/.search" with:
      """
      {"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "attributes": ["displayName", "userName"],
       "filter": "displayName sw \"smith\"", "startIndex": 1, "count": 10}
      """
    Then the answer is 200
    And "/totalResults" is there

  @must @rfc7644-3.5.1
  Scenario: 3.5.1 replaces a user
    When the client sends PUT "/Users/{babs}" with:
      """
      {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "id": "2819c223-7f76-453a-919d-413861904646", "userName": "bjensen-{tag}",
       "externalId": "bjensen", "name": {"formatted": "Ms. Barbara J Jensen III", "familyName": "Jensen", "givenName": "Barbara", "middleName": "Jane"},
       "roles": [], "emails": [{"value": "bjensen@example.com"}, {"value": "babs@jensen.org"}]}
      """
    Then the answer is 200
    And "/id" is "{babs}"
    And "/emails" has 2 values
    And "/name/middleName" is "Jane"

  @must @rfc7644-3.5.2.1
  Scenario: 3.5.2.1 adds members
    Given the server announces patch
    When the client sends PATCH "/Groups/{guides}" with:
      """
      {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{"op": "add", "path": "members",
        "value": [{"display": "Babs Jensen", "$ref": "https://example.com/v2/Users/{babs}", "value": "{babs}"}]}]}
      """
    Then the answer is 200 or 204
    When the client sends GET "/Groups/{guides}"
    Then "/members" has 2 values

  @must @rfc7644-3.5.2.1
  Scenario: 3.5.2.1 adds attributes without a path
    Given the server announces patch
    When the client sends PATCH "/Users/{babs}" with:
      """
      {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
       "Operations": [{"op": "add", "value": {"emails": [{"value": "babs@jensen.org", "type": "home"}], "nickname": "Babs"}}]}
      """
    Then the answer is 200 or 204
    When the client sends GET "/Users/{babs}"
    Then "/emails" has 2 values
    And "/nickName" is "Babs"

  @must @rfc7644-3.5.2.2
  Scenario: 3.5.2.2 removes one member
    Given the server announces patch
    When the client sends PATCH "/Groups/{guides}" with:
      """
      {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{"op": "remove", "path": "members[value eq \"{james}\"]"}]}
      """
    Then the answer is 200 or 204
    When the client sends GET "/Groups/{guides}"
    Then "/members" is not there

  @must @rfc7644-3.5.2.2
  Scenario: 3.5.2.2 removes all members
    Given the server announces patch
    When the client sends PATCH "/Groups/{guides}" with:
      """
      {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{"op": "remove", "path": "members"}]}
      """
    Then the answer is 200 or 204
    When the client sends GET "/Groups/{guides}"
    Then "/members" is not there

  @must @rfc7644-3.5.2.2
  Scenario: 3.5.2.2 removes the values that a filter chooses
    Given the server announces patch
    When the client sends PATCH "/Users/{babs}" with:
      """
      {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
       "Operations": [{"op": "remove", "path": "emails[type eq \"work\" and value ew \"example.com\"]"}]}
      """
    Then the answer is 200 or 204
    When the client sends GET "/Users/{babs}"
    Then "/emails" is not there

  @must @rfc7644-3.5.2.2
  Scenario: 3.5.2.2 removes one member and adds another, without a space behind eq
    Given the server announces patch
    When the client sends PATCH "/Groups/{guides}" with:
      """
      {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [
        {"op": "remove", "path": "members[value eq \"{james}\"]"},
        {"op": "add", "path": "members", "value": [{"display": "Babs Jensen", "$ref": "https://example.com/v2/Users/{babs}", "value": "{babs}"}]}]}
      """
    Then the answer is 200 or 204
    When the client sends GET "/Groups/{guides}"
    Then "/members" has 1 value
    And "/members/0/value" is "{babs}"

  @must @rfc7644-3.5.2.3
  Scenario: 3.5.2.3 replaces all members
    Given the server announces patch
    When the client sends PATCH "/Groups/{guides}" with:
      """
      {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [
        {"op": "remove", "path": "members"},
        {"op": "add", "path": "members", "value": [
          {"display": "Babs Jensen", "$ref": "https://example.com/v2/Users/{babs}", "value": "{babs}"},
          {"display": "James Smith", "$ref": "https://example.com/v2/Users/{james}", "value": "{james}"}]}]}
      """
    Then the answer is 200 or 204
    When the client sends GET "/Groups/{guides}"
    Then "/members" has 2 values

  @must @rfc7644-3.5.2.3
  Scenario: 3.5.2.3 replaces a work address
    Given the server announces patch
    When the client sends PATCH "/Users/{babs}" with:
      """
      {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{"op": "replace", "path": "addresses[type eq \"work\"]",
        "value": {"type": "work", "streetAddress": "911 Universal City Plaza", "locality": "Hollywood", "region": "CA", "postalCode": "91608",
          "country": "US", "formatted": "911 Universal City Plaza\nHollywood, CA 91608 US", "primary": true}}]}
      """
    Then the answer is 200 or 204
    When the client sends GET "/Users/{babs}"
    Then "/addresses" has 1 value
    And "/addresses/0/postalCode" is "91608"

  @must @rfc7644-3.5.2.3
  Scenario: 3.5.2.3 replaces a street address
    Given the server announces patch
    When the client sends PATCH "/Users/{babs}" with:
      """
      {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
       "Operations": [{"op": "replace", "path": "addresses[type eq \"work\"].streetAddress", "value": "1010 Broadway Ave"}]}
      """
    Then the answer is 200 or 204
    When the client sends GET "/Users/{babs}"
    Then "/addresses/0/streetAddress" is "1010 Broadway Ave"
    And "/addresses/0/locality" is "Hollywood"

  @must @rfc7644-3.5.2.3
  Scenario: 3.5.2.3 replaces attributes without a path
    Given the server announces patch
    When the client sends PATCH "/Users/{babs}" with:
      """
      {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{"op": "replace", "value": {
        "emails": [{"value": "bjensen@example.com", "type": "work", "primary": true}, {"value": "babs@jensen.org", "type": "home"}], "nickname": "Babs"}}]}
      """
    Then the answer is 200 or 204
    When the client sends GET "/Users/{babs}"
    Then "/emails" has 2 values
    And "/nickName" is "Babs"

  @must @rfc7644-3.7.1
  Scenario: 3.7.1 refers in a circle: it is resolved, or refused with 409
    Given the server announces bulk
    When the client sends POST "/Bulk" with:
      """
      {"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": [
        {"method": "POST", "path": "/Groups", "bulkId": "qwerty", "data": {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
          "displayName": "Group A {tag}", "members": [{"type": "Group", "value": "bulkId:ytrewq"}]}},
        {"method": "POST", "path": "/Groups", "bulkId": "ytrewq", "data": {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
          "displayName": "Group B {tag}", "members": [{"type": "Group", "value": "bulkId:qwerty"}]}}]}
      """
    Then the answer is 200 or 409
    And what was refused is not there: "Group A {tag}", "Group B {tag}"

  @must @rfc7644-3.7.2
  Scenario: 3.7.2 refers to a manager who is created in the same request
    Given the server announces bulk
    When the client sends POST "/Bulk" with:
      """
      {"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": [
        {"method": "POST", "path": "/Users", "bulkId": "qwerty", "data": {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "Alice-{tag}"}},
        {"method": "POST", "path": "/Users", "bulkId": "ytrewq", "data": {
          "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"], "userName": "Bob-{tag}",
          "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"employeeNumber": "11250", "manager": {"value": "bulkId:qwerty"}}}}]}
      """
    Then the answer is 200
    And "/Operations/1/status" is "201"
    When the client filters Users by: userName eq "Alice-{tag}"
    Then "/Resources/0/id" is kept as alice
    When the client filters Users by: userName eq "Bob-{tag}"
    Then "/Resources/0/urn:ietf:params:scim:schemas:extension:enterprise:2.0:User/manager/value" is "{alice}"
