@rfc7644-3.4.2.2
Feature: Filters (Section 3.4.2.2 of RFC 7644)

  Background:
    Given the server announces filter
    And a user anna with:
      """
      "name": {"familyName": "Family-{tag}", "givenName": "Anna"}, "title": "Tour Guide", "userType": "Employee", "active": true,
      "displayName": "Anna \"the\" O'Brien \\ 100%",
      "emails": [{"value": "anna@example.com", "type": "work", "primary": true}, {"value": "anna@home.example", "type": "home"}]
      """
    And a user ben with:
      """
      "name": {"familyName": "Family-{tag}", "givenName": "Ben"}, "userType": "Intern", "active": false,
      "emails": [{"value": "ben@home.example", "type": "work"}]
      """
    And a user carl with:
      """
      "name": {"familyName": "Family-{tag}"}, "title": "Äußerst", "userType": "employee", "active": true
      """

  Scenario Outline: <filter>
    When the client filters Users by: name.familyName eq "Family-{tag}" and (<filter>)
    Then the list holds <held>

    @must @rfc7644-3.4.2.2
    Examples: operators
      | filter                          | held            |
      | name.givenName eq "Anna"        | anna            |
      | name.givenName ne "Anna" and name.givenName pr | ben |
      | name.givenName co "n"           | anna, ben       |
      | name.givenName sw "B"           | ben             |
      | name.givenName ew "na"          | anna            |
      | name.givenName gt "Anna"        | ben             |
      | name.givenName ge "Anna"        | anna, ben       |
      | name.givenName lt "Ben"         | anna            |
      | name.givenName le "Ben"         | anna, ben       |
      | title pr                        | anna, carl      |
      | not (title pr)                  | ben             |

    @must @rfc7644-3.4.2.2
    Examples: case
      | filter                          | held            |
      | userType eq "EMPLOYEE"          | anna, carl      |
      | USERTYPE EQ "employee"          | anna, carl      |

    @should @rfc7644-3.4.2.2
    Examples: case beyond ASCII
      | filter                          | held            |
      | title eq "äUSSERST"             | carl            |

    @must @rfc7644-3.4.2.2
    Examples: types
      | filter                          | held            |
      | active eq true                  | anna, carl      |
      | active ne true                  | ben             |
      | meta.created gt "2000-01-01T00:00:00Z" | anna, ben, carl |
      | meta.created lt "2000-01-01T00:00:00Z" | nobody   |
      | meta.lastModified ge "2000-01-01T00:00:00+02:00" | anna, ben, carl |

    @ours @rfc7644-3.4.2.2
    Examples: null
      | filter                          | held            |
      | title eq null                   | ben             |
      | title ne null                   | anna, carl      |

    @must @rfc7644-3.4.2.2
    Examples: logic
      | filter                                               | held       |
      | title pr and userType eq "Employee" or active eq false | anna, ben, carl |
      | title pr and (userType eq "Intern" or active eq false) | nobody   |
      | active eq false or title pr and name.givenName eq "Anna" | anna, ben |
      | not (active eq true and title pr)                    | ben        |
      | NOT (active EQ true AND title PR)                    | ben        |
      | active Eq false Or title Pr And name.givenName Eq "Anna" | anna, ben |
      | not (active eq true) and not (title pr)              | ben        |

    @must @rfc7644-3.4.2.2
    Examples: multi-valued
      | filter                                               | held       |
      | emails pr                                            | anna, ben  |
      | emails eq "anna@example.com"                         | anna       |
      | emails.value ew "home.example"                       | anna, ben  |
      | emails[type eq "work" and value ew "home.example"]   | ben        |
      | emails[type eq "work"] and emails[type eq "home"]    | anna       |
      | emails[not (type eq "work")]                         | anna       |
      | emails[primary eq true]                              | anna       |
      | not (emails[type eq "home"])                         | ben, carl  |

    @must @rfc7644-3.4.2.2
    Examples: names and escapes
      | filter                                                               | held |
      | urn:ietf:params:scim:schemas:core:2.0:User:name.givenName eq "Anna"  | anna |
      | displayName co "\"the\""                                             | anna |
      | displayName co "\\\\"                                                | anna |
      | displayName ew "100%"                                                | anna |
      | displayName co "O'Brien"                                             | anna |
      | title sw "\u00c4u"                                                   | carl |

    @should @rfc7644-3.4.2.2
    Examples: escapes in another case
      | filter                                                               | held |
      | title sw "\u00E4u"                                                   | carl |

    @ours @rfc7644-3.10
    Examples: the URN in another case
      | filter                                                               | held |
      | URN:IETF:params:scim:schemas:core:2.0:user:userType eq "Intern"      | ben  |

  Scenario Outline: A filter that is not valid is refused, never ignored: <filter>
    When the client filters Users by: <filter>
    Then the answer is 400 invalidFilter

    @must @rfc7644-3.4.2.2
    Examples:
      | filter                        |
      | userName                      |
      | userName eq                   |
      | userName eq "x                |
      | userName is "x"               |
      | userName eq "x" and           |
      | (userName eq "x"              |
      | userName eq "x")              |
      | emails[type eq "work"         |
      | emails[]                      |
      | active gt true                |
      | userName eq x                 |
      | not userName eq "x"           |
      | "x" eq userName               |

    @ours @rfc7644-3.4.2.2
    Examples: attributes that nobody knows
      | filter                        |
      | shoeSize eq 43                |
      | name.shoeSize eq 43           |

  @must @rfc7644-3.4.2.2
  Scenario: What looks like SQL is a text
    When the client filters Users by: userName eq "x' OR '1'='1" or displayName co "'; DROP TABLE users; --"
    Then the list holds nobody
