@wire
Feature: What the application keeps whatever is sent

  Rule: A group may have groups for members, and none contains itself

    Background:
      Given a user anna
      And a group inner with:
        """
        "members": [{"value": "{anna}"}]
        """
      And a group outer with:
        """
        "members": [{"value": "{inner}"}]
        """

    Scenario: A user is in the group of the group, indirectly
      When the client sends GET "/Users/{anna}"
      Then "/groups" has 2 values
      And "/groups/0/type" is "direct"
      And "/groups/1/type" is "indirect"

    Scenario Outline: A group that would contain itself is refused: <how>
      When the client patches "/Groups/<group>" with:
        """
        {"op": "add", "path": "members", "value": [{"value": "<member>"}]}
        """
      Then the answer is 400
      When the client sends GET "/Groups/<group>"
      Then "/members" has 1 value

      Examples:
        | how           | group   | member  |
        | directly      | {inner} | {inner} |
        | by another    | {inner} | {outer} |

  Rule: Only what is sent about the state changes it

    Scenario: An update that says nothing about the state does not take a suspended user up again
      Given a user anna with:
        """
        "active": false
        """
      When the client sends PUT "/Users/{anna}" with:
        """
        {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "anna-{tag}", "title": "Analyst"}
        """
      Then the answer is 200
      And "/title" is "Analyst"
      And "/active" is false
