@rfc7643-8
Feature: The examples of Section 8 of RFC 7643

  @should @rfc7643-8.2
  Scenario: The full user of Section 8.2 is taken, and comes back
    Examples bind nobody, and a server need not support every attribute.

    When the client sends POST "/Users" with:
      """
      {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "id": "2819c223-7f76-453a-919d-413861904646",
        "externalId": "701984",
        "userName": "bjensen-{tag}@example.com",
        "name": {"formatted": "Ms. Barbara J Jensen, III", "familyName": "Jensen", "givenName": "Barbara", "middleName": "Jane",
          "honorificPrefix": "Ms.", "honorificSuffix": "III"},
        "displayName": "Babs Jensen",
        "nickName": "Babs",
        "profileUrl": "https://login.example.com/bjensen",
        "emails": [
          {"value": "bjensen@example.com", "type": "work", "primary": true},
          {"value": "babs@jensen.org", "type": "home"}
        ],
        "addresses": [
          {"type": "work", "streetAddress": "100 Universal City Plaza", "locality": "Hollywood", "region": "CA", "postalCode": "91608",
           "country": "USA", "formatted": "100 Universal City Plaza\nHollywood, CA 91608 USA", "primary": true},
          {"type": "home", "streetAddress": "456 Hollywood Blvd", "locality": "Hollywood", "region": "CA", "postalCode": "91608",
           "country": "USA", "formatted": "456 Hollywood Blvd\nHollywood, CA 91608 USA"}
        ],
        "phoneNumbers": [{"value": "555-555-5555", "type": "work"}, {"value": "555-555-4444", "type": "mobile"}],
        "ims": [{"value": "someaimhandle", "type": "aim"}],
        "photos": [
          {"value": "https://photos.example.com/profilephoto/72930000000Ccne/F", "type": "photo"},
          {"value": "https://photos.example.com/profilephoto/72930000000Ccne/T", "type": "thumbnail"}
        ],
        "userType": "Employee",
        "title": "Tour Guide",
        "preferredLanguage": "en-US",
        "locale": "en-US",
        "timezone": "America/Los_Angeles",
        "active": true,
        "groups": [{"value": "e9e30dba-f08f-4109-8486-d5c6a331660a", "$ref": "https://example.com/v2/Groups/e9e30dba-f08f-4109-8486-d5c6a331660a", "display": "Tour Guides"}],
        "x509Certificates": [{"value": "MIIDQzCCAqygAwIBAgICEAAwDQYJKoZIhvcNAQEFBQAwTjELMAkGA1UEBhMCVVMx"}],
        "meta": {"resourceType": "User", "created": "2010-01-23T04:56:22Z", "lastModified": "2011-05-13T04:42:34Z",
          "version": "W\/\"a330bc54f0671c9\"", "location": "https://example.com/v2/Users/2819c223-7f76-453a-919d-413861904646"}
      }
      """
    Then the answer is 201
    And "/userName" is "bjensen-{tag}@example.com"
    And "/name/honorificSuffix" is "III"
    And "/emails" has 2 values
    And "/addresses" has 2 values
    And "/phoneNumbers" has 2 values
    And "/photos" has 2 values
    And "/ims/0/value" is "someaimhandle"
    And "/timezone" is "America/Los_Angeles"
    And "/groups" is not there

  @may @rfc7643-8.3
  Scenario: The enterprise user of Section 8.3 is taken, and comes back
    A server may refuse a manager who is not there.

    When the client sends POST "/Users" with:
      """
      {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
        "id": "2819c223-7f76-453a-919d-413861904646",
        "externalId": "701984",
        "userName": "bjensen-{tag}@example.com",
        "name": {"formatted": "Ms. Barbara J Jensen, III", "familyName": "Jensen", "givenName": "Barbara"},
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {
          "employeeNumber": "701984", "costCenter": "4130", "organization": "Universal Studios", "division": "Theme Park", "department": "Tour Operations",
          "manager": {"value": "26118915-6090-4610-87e4-49d8ca9f808d", "$ref": "../Users/26118915-6090-4610-87e4-49d8ca9f808d", "displayName": "John Smith"}
        },
        "meta": {"resourceType": "User", "created": "2010-01-23T04:56:22Z", "lastModified": "2011-05-13T04:42:34Z",
          "version": "W\/\"3694e05e9dff591\"", "location": "https://example.com/v2/Users/2819c223-7f76-453a-919d-413861904646"}
      }
      """
    Then the answer is 201
    And "/urn:ietf:params:scim:schemas:extension:enterprise:2.0:User/costCenter" is "4130"
    And "/urn:ietf:params:scim:schemas:extension:enterprise:2.0:User/manager/value" is "26118915-6090-4610-87e4-49d8ca9f808d"

  @must @rfc7643-8.1
  Scenario: The minimal user of Section 8.1 is taken
    When the client sends POST "/Users" with:
      """
      {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "id": "2819c223-7f76-453a-919d-413861904646",
        "userName": "bjensen-{tag}@example.com",
        "meta": {"resourceType": "User", "created": "2010-01-23T04:56:22Z", "lastModified": "2011-05-13T04:42:34Z",
          "version": "W\/\"3694e05e9dff590\"", "location": "https://example.com/v2/Users/2819c223-7f76-453a-919d-413861904646"}
      }
      """
    Then the answer is 201

  @must @rfc7643-8.4
  Scenario: The group of Section 8.4 is taken when its members are there
    Given a user babs with:
      """
      "displayName": "Babs Jensen"
      """
    And a user mandy with:
      """
      "displayName": "Mandy Pepperidge"
      """
    When the client sends POST "/Groups" with:
      """
      {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
        "id": "e9e30dba-f08f-4109-8486-d5c6a331660a",
        "displayName": "Tour Guides {tag}",
        "members": [
          {"value": "{babs}", "$ref": "https://example.com/v2/Users/{babs}", "display": "Babs Jensen"},
          {"value": "{mandy}", "$ref": "https://example.com/v2/Users/{mandy}", "display": "Mandy Pepperidge"}
        ],
        "meta": {"resourceType": "Group", "created": "2010-01-23T04:56:22Z", "lastModified": "2011-05-13T04:42:34Z",
          "version": "W\/\"3694e05e9dff592\"", "location": "https://example.com/v2/Groups/e9e30dba-f08f-4109-8486-d5c6a331660a"}
      }
      """
    Then the answer is 201
    And "/members" has 2 values
