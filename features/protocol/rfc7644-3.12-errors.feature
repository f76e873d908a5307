@rfc7644-3.12
Feature: Errors (Section 3.12 of RFC 7644)

  @must @rfc7644-3.12
  Scenario: An error is a message with a detail and its status as a string
    When the client sends GET "/Users/00000000-0000-4000-8000-000000000000"
    Then the answer is 404
    And "/schemas/0" is "urn:ietf:params:scim:api:messages:2.0:Error"
    And "/status" is "404"
    And "/detail" should be there

  Scenario Outline: A request that is not right is never a 500: <what>
    When the client sends POST "/Users" with:
      """
      <body>
      """
    Then the answer is 400

    @must @rfc7644-3.12
    Examples:
      | what                | body                                                                  |
      | a number            | 7                                                                     |
      | an array            | [{"userName": "x"}]                                                   |
      | a text              | "userName"                                                            |
      | null                | null                                                                  |
      | an open brace       | {"userName": "x"                                                      |
      | a userName of null  | {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": null} |

    @ours @rfc7644-3.12
    Examples:
      | what                | body                                                                  |
      | a NUL               | {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "a\u0000b-{tag}"} |

    @should @rfc7644-3.12
    Examples:
      | what                | body                                                                  |
      | schemas of numbers  | {"schemas": [1, 2], "userName": "x-{tag}"}                            |
      | schemas as a text   | {"schemas": "urn:ietf:params:scim:schemas:core:2.0:User", "userName": 1} |
