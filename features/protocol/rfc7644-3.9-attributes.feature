@rfc7644-3.9
Feature: Attributes in answers (Sections 3.9 and 3.10 of RFC 7644)

  Background:
    Given a user anna with:
      """
      "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
      "title": "Guide", "name": {"givenName": "Anna", "familyName": "Novak"}, "emails": [{"value": "a@example.com", "type": "work"}],
      "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "Tours", "division": "Parks"}
      """

  @must @rfc7644-3.9
  Scenario Outline: <query>
    When the client sends GET "/Users/{anna}?<query>"
    Then the answer is 200
    And "/id" is "{anna}"
    And "<there>" is there
    And "<gone>" is not there

    Examples:
      | query                              | there            | gone             |
      | attributes=title                   | /title           | /userName        |
      | attributes=TITLE                   | /title           | /name            |
      | attributes=name.givenName          | /name/givenName  | /name/familyName |
      | attributes=title,name.familyName   | /name/familyName | /name/givenName  |
      | attributes=emails.value            | /emails/0/value  | /emails/0/type   |
      | attributes=urn:ietf:params:scim:schemas:core:2.0:User:title | /title | /name |
      | attributes=urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department | /urn:ietf:params:scim:schemas:extension:enterprise:2.0:User/department | /urn:ietf:params:scim:schemas:extension:enterprise:2.0:User/division |
      | attributes=urn:ietf:params:scim:schemas:extension:enterprise:2.0:User | /urn:ietf:params:scim:schemas:extension:enterprise:2.0:User/division | /title |
      | excludedAttributes=title           | /userName        | /title           |
      | excludedAttributes=name.givenName  | /name/familyName | /name/givenName  |
      | excludedAttributes=emails,title    | /name            | /emails          |

  @must @rfc7644-3.9
  Scenario: What is always returned cannot be left out
    When the client sends GET "/Users/{anna}?excludedAttributes=id,title"
    Then "/id" is "{anna}"

  @must @rfc7644-3.9
  Scenario: Lists obey too
    When the client sends GET "/Users?filter=userName+eq+%22anna-{tag}%22&attributes=title"
    Then "/Resources/0/title" is "Guide"
    And "/Resources/0/userName" is not there

  @must @rfc7644-3.9
  Scenario: And so do the answers to writes
    When the client sends PUT "/Users/{anna}?attributes=title" with:
      """
      {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "anna-{tag}", "title": "Boss"}
      """
    Then the answer is 200
    And "/title" is "Boss"
    And "/userName" is not there

  @must @rfc7644-3.9
  Scenario: A group without its members
    Given a group team with:
      """
      "members": [{"value": "{anna}"}]
      """
    When the client sends GET "/Groups/{team}?excludedAttributes=members"
    Then "/displayName" is "team-{tag}"
    And "/members" is not there
