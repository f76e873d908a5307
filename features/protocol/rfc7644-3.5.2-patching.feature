@rfc7644-3.5.2
Feature: Modifying with PATCH (Section 3.5.2 of RFC 7644)

  Background:
    Given the server announces patch
    And a user anna with:
      """
      "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
      "title": "Guide", "name": {"givenName": "Anna", "familyName": "Novak"},
      "emails": [{"value": "work@example.com", "type": "work", "primary": true}, {"value": "home@example.com", "type": "home"}],
      "addresses": [{"type": "work", "locality": "Hollywood", "streetAddress": "100 Universal City Plaza"}],
      "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "Tours"}
      """
    And a user ben
    And a group team with:
      """
      "members": [{"value": "{anna}"}]
      """

  @must @rfc7644-3.5.2.1
  Scenario Outline: add: <what>
    When the client patches "/Users/{anna}" with:
      """
      <operation>
      """
    Then the answer is 200 or 204
    When the client sends GET "/Users/{anna}"
    Then "<pointer>" is <value>

    Examples:
      | what                           | operation                                                                       | pointer           | value  |
      | a single value                 | {"op": "add", "path": "nickName", "value": "A"}                                 | /nickName         | "A"    |
      | a value that is there replaces | {"op": "add", "path": "title", "value": "Boss"}                                 | /title            | "Boss" |
      | a sub-attribute                | {"op": "add", "path": "name.middleName", "value": "Z"}                          | /name/middleName  | "Z"    |
      | a sub-attribute, the others stay | {"op": "add", "path": "name", "value": {"middleName": "Z"}}                   | /name/givenName   | "Anna" |
      | a value to many                | {"op": "add", "path": "emails", "value": [{"value": "o@example.com", "type": "other"}]} | /emails/[type=other]/value | "o@example.com" |
      | no path                        | {"op": "add", "value": {"nickName": "A"}}                                       | /nickName         | "A"    |
      | no path, to many               | {"op": "add", "value": {"emails": [{"value": "o@example.com", "type": "other"}]}} | /emails/[type=other]/value | "o@example.com" |
      | an extension by its URN        | {"op": "add", "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:division", "value": "D"} | /urn:ietf:params:scim:schemas:extension:enterprise:2.0:User/division | "D" |
      | an extension without path      | {"op": "add", "value": {"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"division": "D"}}} | /urn:ietf:params:scim:schemas:extension:enterprise:2.0:User/department | "Tours" |

  @should @rfc7644-3.5.2.1
  Scenario: add of a value that is there already changes nothing
    Given the server announces etag
    When the client sends GET "/Users/{anna}"
    Then the header "ETag" is kept as first
    When the client patches "/Users/{anna}" with:
      """
      {"op": "add", "path": "emails", "value": [{"value": "home@example.com", "type": "home"}]}, {"op": "add", "path": "title", "value": "Guide"}
      """
    Then the answer is 200 or 204
    When the client sends GET "/Users/{anna}"
    Then "/emails" has 2 values
    And the header "ETag" is {first}

  Scenario Outline: remove: <what>
    When the client patches "/Users/{anna}" with:
      """
      {"op": "remove", "path": "<path>"}
      """
    Then the answer is 200 or 204
    When the client sends GET "/Users/{anna}"
    Then "<pointer>" is not there
    And "<kept>" is there

    @must @rfc7644-3.5.2.2
    Examples:
      | what                        | path                              | pointer             | kept                    |
      | a single value              | title                             | /title              | /name/givenName         |
      | a sub-attribute             | name.givenName                    | /name/givenName     | /name/familyName        |
      | all of many                 | emails                            | /emails             | /title                  |
      | those of many that a filter chooses | emails[type eq \"home\"]  | /emails/[type=home]  | /emails/[type=work]/value |
      | of an extension             | urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department | /urn:ietf:params:scim:schemas:extension:enterprise:2.0:User/department | /title |

    @should @rfc7644-3.5.2.2
    Examples: where false would be as good
      | what                        | path                              | pointer             | kept                    |
      | a part of those             | emails[type eq \"work\"].primary  | /emails/[type=work]/primary | /emails/[type=work]/value |

  @must @rfc7644-3.5.2.2
  Scenario Outline: remove is refused: <what>
    When the client patches "/Users/{anna}" with:
      """
      <operation>
      """
    Then the answer is 400 <scimType>

    Examples:
      | what                     | operation                             | scimType   |
      | without a path           | {"op": "remove"}                      | noTarget   |
      | of what is required      | {"op": "remove", "path": "userName"}  | mutability |
      | of what is read-only     | {"op": "remove", "path": "id"}        | mutability |

  @must @rfc7644-3.5.2.3
  Scenario Outline: replace: <what>
    When the client patches "/Users/{anna}" with:
      """
      <operation>
      """
    Then the answer is 200 or 204
    When the client sends GET "/Users/{anna}"
    Then "<pointer>" is <value>

    Examples:
      | what                         | operation                                                                              | pointer                | value |
      | a single value               | {"op": "replace", "path": "title", "value": "Boss"}                                    | /title                 | "Boss" |
      | what is not there            | {"op": "replace", "path": "nickName", "value": "A"}                                    | /nickName              | "A" |
      | a sub-attribute              | {"op": "replace", "path": "name.givenName", "value": "Ann"}                            | /name/givenName        | "Ann" |
      | a complex value, the rest stays | {"op": "replace", "path": "name", "value": {"givenName": "Ann"}}                    | /name/familyName       | "Novak" |
      | all of many                  | {"op": "replace", "path": "emails", "value": [{"value": "n@example.com"}]}             | /emails/0/value        | "n@example.com" |
      | one of many                  | {"op": "replace", "path": "emails[type eq \"work\"].value", "value": "n@example.com"}  | /emails/[type=work]/value      | "n@example.com" |
      | one of many, the type stays  | {"op": "replace", "path": "emails[type eq \"work\"].value", "value": "n@example.com"}  | /emails/[value=n@example.com]/type | "work" |
      | a part of an address         | {"op": "replace", "path": "addresses[type eq \"work\"].streetAddress", "value": "1010 Broadway Ave"} | /addresses/0/streetAddress | "1010 Broadway Ave" |
      | a whole address              | {"op": "replace", "path": "addresses[type eq \"work\"]", "value": {"type": "work", "streetAddress": "911 Universal City Plaza", "locality": "Hollywood"}} | /addresses/0/streetAddress | "911 Universal City Plaza" |
      | no path                      | {"op": "replace", "value": {"title": "Boss", "active": false}}                         | /active                | false |
      | paths in any letter case     | {"op": "replace", "path": "NAME.GIVENNAME", "value": "Ann"}                            | /name/givenName        | "Ann" |
      | paths behind the core URN    | {"op": "replace", "path": "urn:ietf:params:scim:schemas:core:2.0:User:title", "value": "Boss"} | /title         | "Boss" |

  Scenario Outline: It is refused with 400 <scimType>: <what>
    When the client patches "/Users/{anna}" with:
      """
      <operation>
      """
    Then the answer is 400 <scimType>

    @must @rfc7644-3.5.2
    Examples:
      | what                        | operation                                                                   | scimType     |
      | a path that is no path      | {"op": "replace", "path": "emails[type eq", "value": "x"}                   | invalidPath  |
      | a read-only attribute       | {"op": "replace", "path": "meta.created", "value": "2020-01-01T00:00:00Z"}  | mutability   |

    @should @rfc7644-3.5.2
    Examples:
      | what                        | operation                                                                   | scimType     |
      | an unknown attribute        | {"op": "replace", "path": "shoeSize", "value": 43}                          | invalidPath  |
      | a value of a wrong type     | {"op": "replace", "path": "title", "value": 43}                             | invalidValue |

    @ours @rfc7644-3.5.2
    Examples:
      | what                        | operation                                                                   | scimType     |
      | an unknown attribute inside | {"op": "add", "value": {"shoeSize": 43}}                                    | invalidSyntax |

  @must @rfc7644-3.5.2
  Scenario: All operations or none
    When the client patches "/Users/{anna}" with:
      """
      {"op": "replace", "path": "title", "value": "Boss"}, {"op": "remove"}
      """
    Then the answer is 400
    When the client sends GET "/Users/{anna}"
    Then "/title" is "Guide"

  @must @rfc7644-3.5.2
  Scenario: Operations are applied one after the other
    When the client patches "/Users/{anna}" with:
      """
      {"op": "remove", "path": "title"}, {"op": "add", "path": "title", "value": "one"}, {"op": "replace", "path": "title", "value": "two"}
      """
    Then the answer is 200 or 204
    When the client sends GET "/Users/{anna}"
    Then "/title" is "two"

  @must @rfc7644-3.5.2
  Scenario: A value that becomes primary takes the mark from the other
    When the client patches "/Users/{anna}" with:
      """
      {"op": "replace", "path": "emails[type eq \"home\"].primary", "value": true}
      """
    Then the answer is 200 or 204
    When the client filters Users by: userName eq "anna-{tag}" and emails[type eq "work" and primary eq true]
    Then the list holds nobody
    When the client filters Users by: userName eq "anna-{tag}" and emails[type eq "home" and primary eq true]
    Then the list holds anna

  @must @rfc7644-3.5.2
  Scenario Outline: Members of a group: <what>
    When the client patches "/Groups/{team}" with:
      """
      <operation>
      """
    Then the answer is 200 or 204
    When the client sends GET "/Groups/{team}"
    Then "<pointer>" is <value>

    Examples:
      | what                    | operation                                                                  | pointer          | value    |
      | replaced                | {"op": "replace", "path": "members", "value": [{"value": "{ben}"}]}        | /members/0/value | "{ben}"  |
      | one removed, one added  | {"op": "remove", "path": "members[value eq \"{anna}\"]"}, {"op": "add", "path": "members", "value": [{"value": "{ben}"}]} | /members/0/value | "{ben}" |
      | renamed                 | {"op": "replace", "path": "displayName", "value": "renamed-{tag}"}         | /displayName     | "renamed-{tag}" |
      | added twice             | {"op": "add", "path": "members", "value": [{"value": "{anna}"}]}           | /members/0/value | "{anna}" |

  @must @rfc7644-3.5.2
  Scenario: A member is added and all are removed
    When the client patches "/Groups/{team}" with:
      """
      {"op": "add", "path": "members", "value": [{"value": "{ben}"}]}
      """
    Then the answer is 200 or 204
    When the client sends GET "/Groups/{team}"
    Then "/members" has 2 values
    When the client patches "/Groups/{team}" with:
      """
      {"op": "remove", "path": "members"}
      """
    Then the answer is 200 or 204
    When the client sends GET "/Groups/{team}"
    Then "/members" is not there

  @should @rfc7644-3.5.2
  Scenario: Members that are added at the same moment are all there
    Given 6 users
    When 6 clients send PATCH "/Groups/{team}" at once with:
      """
      {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [
        {"op": "add", "path": "members", "value": [{"value": "{u{n}}"}]}]}
      """
    When the client sends GET "/Groups/{team}"
    Then "/members" has 7 values

  Rule: Absent, null and empty are three things (Section 2.5 of RFC 7643)

    Background:
      Given a user carl with:
        """
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
        "name": {"givenName": "A", "familyName": "B", "middleName": "C"}, "title": "T",
        "emails": [{"value": "work@example.com", "type": "work", "display": "W"}, {"value": "home@example.com", "type": "home"}],
        "addresses": [{"type": "work", "streetAddress": "1 Old", "locality": "Hollywood", "region": "CA", "postalCode": "91608"}],
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "Tours", "manager": {"value": "{ben}"}}
        """

    Scenario Outline: An add takes nothing away: <what>
      The RFCs are silent about null and nothing inside an add.

      When the client patches "/Users/{carl}" with:
        """
        {"op": "add", <operation>}
        """
      Then the answer is 200 or 204
      When the client sends GET "/Users/{carl}"
      Then "<pointer>" is <value>

      @ours @rfc7643-2.5
      Examples:
        | what | operation | pointer | value |
        | an empty object | "path": "name", "value": {} | /name/givenName | "A" |
        | null | "path": "name", "value": {"middleName": null} | /name/middleName | "C" |
        | null beside a value | "path": "name", "value": {"givenName": "Z", "middleName": null} | /name/middleName | "C" |
        | an empty list | "path": "emails", "value": [] | /emails/1/value | "home@example.com" |
        | null for a part of a value that a filter chooses | "path": "emails[type eq \"work\"]", "value": {"display": null} | /emails/0/value | "work@example.com" |
        | null in an extension | "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User", "value": {"department": null} | /urn:ietf:params:scim:schemas:extension:enterprise:2.0:User/department | "Tours" |
        | null without a path | "value": {"title": null, "nickName": "N"} | /title | "T" |

      @tolerance @rfc7644-3.5.2.1
      Examples:
        | what | operation | pointer | value |
        | one object for a list | "path": "entitlements", "value": {"value": "e"} | /entitlements/0/value | "e" |

    Scenario Outline: A replace leaves what it does not name: <what>
      When the client patches "/Users/{carl}" with:
        """
        {"op": "replace", <operation>}
        """
      Then the answer is 200 or 204
      When the client sends GET "/Users/{carl}"
      Then "<pointer>" is <value>

      @should @rfc7644-3.5.2.3
      Examples:
        | what | operation | pointer | value |
        | null for a part | "path": "name", "value": {"middleName": null} | /name/familyName | "B" |
        | null beside a value | "path": "name", "value": {"givenName": "Z", "middleName": null} | /name/givenName | "Z" |
        | null for a part of a value that a filter chooses | "path": "emails[type eq \"work\"]", "value": {"display": null} | /emails/0/value | "work@example.com" |
        | null in an extension | "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User", "value": {"department": null} | /urn:ietf:params:scim:schemas:extension:enterprise:2.0:User/manager/value | "{ben}" |

      @ours @rfc7644-3.5.2.3
      Examples:
        | what | operation | pointer | value |
        | an empty object | "path": "name", "value": {} | /name/givenName | "A" |
        | what is read-only | "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager", "value": {"displayName": "X"} | /urn:ietf:params:scim:schemas:extension:enterprise:2.0:User/manager/value | "{ben}" |
        | the type that a filter states | "path": "addresses[type eq \"work\"]", "value": {"streetAddress": "2 New", "locality": "Oslo"} | /addresses/0/type | "work" |

    @should @rfc7644-3.5.2.3
    Scenario Outline: A replace clears what it names as null, and what it replaces whole: <what>
      When the client patches "/Users/{carl}" with:
        """
        {"op": "replace", <operation>}
        """
      Then the answer is 200 or 204
      When the client sends GET "/Users/{carl}"
      Then "<pointer>" is not there
      And "<kept>" is there

      Examples:
        | what | operation | pointer | kept |
        | a part | "path": "name", "value": {"middleName": null} | /name/middleName | /name/givenName |
        | a part, beside a value | "path": "name", "value": {"givenName": "Z", "middleName": null} | /name/middleName | /name/givenName |
        | an attribute | "path": "title", "value": null | /title | /name/givenName |
        | an attribute, without a path | "value": {"title": null} | /title | /name/givenName |
        | a part of a value that a filter chooses | "path": "emails[type eq \"work\"]", "value": {"display": null} | /emails/0/display | /emails/0/value |
        | the region of another address | "path": "addresses[type eq \"work\"]", "value": {"type": "work", "streetAddress": "2 New", "locality": "Oslo"} | /addresses/0/region | /addresses/0/locality |
        | its postal code | "path": "addresses[type eq \"work\"]", "value": {"type": "work", "streetAddress": "2 New", "locality": "Oslo"} | /addresses/0/postalCode | /addresses/0/locality |
        | all of a list | "path": "emails", "value": [] | /emails | /name/givenName |
        | an attribute of an extension | "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department", "value": null | /urn:ietf:params:scim:schemas:extension:enterprise:2.0:User/department | /urn:ietf:params:scim:schemas:extension:enterprise:2.0:User/manager |
