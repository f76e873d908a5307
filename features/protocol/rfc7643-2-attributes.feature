@rfc7643-2
Feature: Attributes (Section 2 of RFC 7643)

  @must @rfc7643-2.1
  Scenario: Attribute names are not case-sensitive
    When the client sends POST "/Users" with:
      """
      {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "USERNAME": "anna-{tag}", "Name": {"FamilyName": "Novák"}, "NICKname": "Annie"}
      """
    Then the answer is 201
    And "/userName" is "anna-{tag}"
    And "/name/familyName" is "Novák"
    And "/nickName" is "Annie"

  @must @rfc7643-2.5
  Scenario Outline: <what> is the same as no value
    Given a user anna with:
      """
      "nickName": <value>, "emails": []
      """
    Then "/nickName" is not there
    And "/emails" is not there

    Examples:
      | what | value |
      | null | null  |

  @should @rfc7643-2.3
  Scenario Outline: A value of a wrong type is refused: <attribute>
    No sentence says what becomes of such a value; 400 invalidValue is there for it (Section 3.12 of RFC 7644).

    When the client sends POST "/Users" with:
      """
      {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "anna-{tag}", "<attribute>": <value>}
      """
    Then the answer is 400

    Examples:
      | attribute   | value                     |
      | active      | "perhaps"                 |
      | name        | "Anna"                    |
      | emails      | [{"value": {"a": "b"}}]   |
      | emails      | [{"primary": "sometimes", "value": "a@example.com"}] |

  @must @rfc7643-2.3.1
  Scenario: Unicode arrives as it was sent
    Given a user anna with:
      """
      "displayName": "Ольга 李明 أحمد 👩‍🚀", "name": {"familyName": "O'Brien \"Jr.\" \\ Novák"}
      """
    When the client sends GET "/Users/{anna}"
    Then "/displayName" is "Ольга 李明 أحمد 👩‍🚀"
    And "/name/familyName" is "O'Brien \"Jr.\" \\ Novák"

  @must @rfc7643-2.4
  Scenario: Of a multi-valued attribute at most one value is primary: the one that comes last moves it
    Given the server announces patch
    And a user anna with:
      """
      "emails": [{"value": "a@example.com", "type": "work", "primary": true}]
      """
    When the client patches "/Users/{anna}" with:
      """
      {"op": "add", "path": "emails", "value": [{"value": "b@example.com", "type": "home", "primary": true}]}
      """
    Then the answer is 200 or 204
    When the client filters Users by: userName eq "anna-{tag}" and emails[value eq "b@example.com" and primary eq true]
    Then the list holds anna
    When the client filters Users by: userName eq "anna-{tag}" and emails[value eq "a@example.com" and primary eq true]
    Then the list holds nobody
