@rfc7644-3.3
Feature: Creating resources (Section 3.3 of RFC 7644)

  @must @rfc7644-3.3
  Scenario: A user that is created is answered with 201, its representation and its location
    When the client sends POST "/Users" with:
      """
      {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "anna-{tag}", "externalId": "x-{tag}",
       "name": {"givenName": "Anna", "familyName": "Novák"}}
      """
    Then the answer is 201
    And "/userName" is "anna-{tag}"
    And "/externalId" is "x-{tag}"
    And "/name/familyName" is "Novák"
    And "/schemas/0" is "urn:ietf:params:scim:schemas:core:2.0:User"
    And "/meta/resourceType" is "User"
    And "/meta/created" is there
    And "/meta/lastModified" is there
    And "/meta/location" is there
    And "/id" is kept as anna
    And the header "Location" has "Users/{anna}"
    And the header "Location" should have "://"
    When the client sends GET "/Users/{anna}"
    Then the answer is 200
    And "/userName" is "anna-{tag}"

  @must @rfc7644-3.3
  Scenario: What the client sends for id is ignored
    When the client sends POST "/Users" with:
      """
      {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "anna-{tag}", "id": "chosen-{tag}"}
      """
    Then the answer is 201
    When the client sends GET "/Users/chosen-{tag}"
    Then the answer is 404

  @must @rfc7644-3.3
  Scenario: A userName that is taken is refused with 409 uniqueness
    Given a user anna
    When the client sends POST "/Users" with:
      """
      {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "anna-{tag}"}
      """
    Then the answer is 409 uniqueness

  @must @rfc7643-4.1.1
  Scenario: The letter case does not make a userName another one
    Given a user anna
    When the client sends POST "/Users" with:
      """
      {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "ANNA-{tag}"}
      """
    Then the answer is 409 uniqueness

  @must @rfc7643-4.1.1
  Scenario: Of several creations of one userName at the same moment one wins
    When 8 clients send POST "/Users" at once with:
      """
      {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "anna-{tag}"}
      """
    Then 1 answer is 201
    And 7 answers are 409

  @must @rfc7643-4.1.1
  Scenario: A user without a userName is refused
    When the client sends POST "/Users" with:
      """
      {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "displayName": "Anna"}
      """
    Then the answer is 400
    And the scimType should be "invalidValue"

  @must @rfc7644-3.12
  Scenario: A body that is not JSON is refused
    When the client sends POST "/Users" with:
      """
      {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName":
      """
    Then the answer is 400
    And the scimType should be "invalidSyntax"

  @must @rfc7644-3.3
  Scenario: A group is created with its members
    Given a user anna
    And a user ben
    When the client sends POST "/Groups" with:
      """
      {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "team-{tag}",
       "members": [{"value": "{anna}"}, {"value": "{ben}"}]}
      """
    Then the answer is 201
    And "/members" has 2 values
