@rfc7643-3.1
Feature: Common attributes (Section 3.1 of RFC 7643)

  @must @rfc7643-3.1
  Scenario: id is unique, and stays
    Given a user anna
    And a user ben
    When the client sends GET "/Users/{anna}"
    Then "/id" is "{anna}"
    And "/userName" is "anna-{tag}"
    When the client sends PUT "/Users/{anna}" with:
      """
      {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "id": "{ben}", "userName": "anna-{tag}", "nickName": "A"}
      """
    Then the answer is 200
    And "/id" is "{anna}"

  @should @rfc7643-3.1
  Scenario: externalId is kept, and is never taken for the id
    To support it is recommended, and not required.

    Given a user anna
    And a user ben with:
      """
      "externalId": "{anna}"
      """
    When the client sends GET "/Users/{anna}"
    Then "/userName" is "anna-{tag}"
    When the client sends GET "/Users/{ben}"
    Then "/userName" is "ben-{tag}"
    When the client filters Users by: externalId eq "{anna}"
    Then the list holds ben

  @must @rfc7643-3.1
  Scenario: externalId is case-sensitive
    Given a user anna with:
      """
      "externalId": "Ext-{tag}"
      """
    When the client filters Users by: externalId eq "ext-{tag}"
    Then the list holds nobody

  @must @rfc7643-3.1
  Scenario: meta is complete and cannot be set
    When the client sends POST "/Users" with:
      """
      {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "anna-{tag}",
       "meta": {"resourceType": "Nonsense", "created": "1999-01-01T00:00:00Z", "location": "http://elsewhere.example/"}}
      """
    Then the answer is 201
    And "/meta/resourceType" is "User"
    And "/meta/created" is not "1999-01-01T00:00:00Z"
    And "/meta/location" is not "http://elsewhere.example/"

  @must @rfc7643-3
  Scenario: schemas names the schemas of what is there
    Given a user anna with:
      """
      "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
      "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "Tours"}
      """
    When the client sends GET "/Users/{anna}"
    Then "/schemas" has 2 values
    And "/urn:ietf:params:scim:schemas:extension:enterprise:2.0:User/department" is "Tours"

  @ours @rfc7643-3
  Scenario: A schema that the server does not know is refused
    The RFCs are silent; others keep it, or leave it out.

    When the client sends POST "/Users" with:
      """
      {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", "urn:example:unknown:1.0:User"], "userName": "anna-{tag}"}
      """
    Then the answer is 400
