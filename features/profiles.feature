@wire
Feature: Other providers
  One account can be provisioned as another provider would do it: with the
  requests that it is known to send. What comes of it is the same.

  Background:
    Given an instance "acme"
    And OneLogin has an app for "acme"
    And the app "acme" puts users into groups named like their roles "Team .*"
    And "acme" has the user "anna@acme.example", made by hand
    And OneLogin has these users, assigned to the app "acme":
      | Username          | First Name | Last Name | Title   | Phone | Manager          | Roles  |
      | anna@acme.example | Anna       | Novak     | Analyst | 555-1 | ben@acme.example | Team A |
      | ben@acme.example  | Ben        | Smith     | Seller  |       |                  | Team A |
      | carl@acme.example | Carl       | Jones     | Seller  | 555-3 | ben@acme.example | Team B |

  Scenario Outline: <provider> provisions, changes, suspends and takes up again
    Given the app "acme" is provisioned as <provider> does
    When an administrator clicks Enable in the app "acme"
    Then the app is connected to "acme"
    When OneLogin runs a provisioning cycle of the app "acme"
    Then the cycle succeeded
    And "anna@acme.example" was picked up
    And "carl@acme.example" was created
    And the account of "anna@acme.example" in "acme" has:
      | First Name          | Anna    |
      | Last Name           | Novak   |
      | Scim Sync Job Title | Analyst |
      | Office Phone        | 555-1   |
    And "anna@acme.example" has the manager "ben@acme.example" in "acme"
    And "acme" has the groups:
      | Group  | Members                             |
      | Team A | anna@acme.example, ben@acme.example |
      | Team B | carl@acme.example                   |
    When OneLogin runs a provisioning cycle of the app "acme"
    Then nothing was written
    When the last name of "anna@acme.example" becomes "Brown" in OneLogin
    And the title of "anna@acme.example" becomes "" in OneLogin
    And the phone of "ben@acme.example" becomes "555-2" in OneLogin
    And the roles of "carl@acme.example" becomes "Team A" in OneLogin
    And OneLogin runs a provisioning cycle of the app "acme"
    Then "anna@acme.example" was updated
    And the account of "anna@acme.example" in "acme" has:
      | First Name          | Anna  |
      | Last Name           | Brown |
      | Scim Sync Job Title |       |
      | Office Phone        | 555-1 |
    And the account of "ben@acme.example" in "acme" has:
      | Office Phone | 555-2 |
    And "carl@acme.example" is in the group "Team A" of "acme"
    And "carl@acme.example" is not in the group "Team B" of "acme"
    When "anna@acme.example" is suspended in OneLogin
    And OneLogin runs a provisioning cycle of the app "acme"
    Then "anna@acme.example" is suspended in "acme"
    And "anna@acme.example" is not in the group "Team A" of "acme"
    When "anna@acme.example" is active again in OneLogin
    And OneLogin runs a provisioning cycle of the app "acme"
    Then "anna@acme.example" is active in "acme"
    And "anna@acme.example" is in the group "Team A" of "acme"
    And an administrator re-applies the mappings of the app "acme"
    And 3 accounts are as they should be

    @profile-onelogin
    Examples: OneLogin
      | provider |
      | OneLogin |

    @profile-onelogin-1.1
    Examples: OneLogin 1.1
      | provider |
      | OneLogin 1.1 |

    @profile-okta
    Examples: Okta
      | provider |
      | Okta |

    @profile-entra
    Examples: Entra
      | provider |
      | Entra |

    @profile-jumpcloud
    Examples: JumpCloud
      | provider |
      | JumpCloud |

  Rule: Each sends what it is known to send

    @profile-onelogin
    Scenario: OneLogin looks up and sends the whole template
      When OneLogin traces a provisioning cycle of the app "acme"
      Then the trace of "anna@acme.example" is:
        | GET   | /Users?filter=userName+eq+%22anna%40acme.example%22& |
        | PUT   | /Users/{id}                                          |
        | PATCH | /Groups/{id}                                         |

    @profile-onelogin-1.1
    Scenario: OneLogin 1.1 speaks SCIM 1.1
      Given the app "acme" is provisioned as OneLogin 1.1 does
      And OneLogin has run a provisioning cycle of the app "acme"
      Then a request was sent with ""urn:scim:schemas:core:1.0""
      And a request was sent with ""active":"1""
      And a request was sent with ""emails":{"
      And a request was sent with ""managerId":"ben@acme.example""
      When the roles of "carl@acme.example" becomes "Team A" in OneLogin
      And OneLogin runs a provisioning cycle of the app "acme"
      Then a request was sent with ""operation":"delete""

    @profile-okta
    Scenario: Okta reads before it replaces, deactivates, and never deletes
      Given the app "acme" is provisioned as Okta does
      When OneLogin traces a provisioning cycle of the app "acme"
      Then a request was sent with ""password":"
      And the trace of "anna@acme.example" is:
        | GET   | /Users?filter=userName+eq+%22anna%40acme.example%22&startIndex=1&count=100 |
        | GET   | /Users/{id}                                                               |
        | PUT   | /Users/{id}                                                               |
        | PATCH | /Groups/{id}                                                              |
      When "anna@acme.example" is deleted in OneLogin
      And OneLogin runs a provisioning cycle of the app "acme"
      Then "anna@acme.example" was suspended
      And a request was sent with "[{"op":"replace","value":{"active":false}}]"
      And a request was sent with ""members[value eq \"
      And "anna@acme.example" is suspended in "acme"

    @profile-entra
    Scenario: Entra capitalizes, sends booleans as strings, and patches value by value
      Given the app "acme" is provisioned as Entra does
      When OneLogin runs a provisioning cycle of the app "acme"
      Then a request was sent with ""active":"True""
      And a request was sent with "{"op":"Add","path":"phoneNumbers[type eq \"work\"].value","value":"555-1"}"
      And a request was sent with ""path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager","value":"ben@acme.example""
      And a request was sent with "{"$ref":null,"value":"
      And a request was sent with "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"
      When "anna@acme.example" is suspended in OneLogin
      And OneLogin runs a provisioning cycle of the app "acme"
      Then a request was sent with "{"op":"Replace","path":"active","value":"False"}"
      And a request was sent with ""op":"Remove","path":"members""

    @profile-jumpcloud
    Scenario: JumpCloud replaces attribute by attribute, creates no empty group, and tries out what it connects to
      Given the app "acme" is provisioned as JumpCloud does
      When an administrator clicks Enable in the app "acme"
      Then a request was sent with "jumpcloud-test-"
      And "acme" has 1 user
      And "acme" has 0 groups
      When OneLogin runs a provisioning cycle of the app "acme"
      Then a request was sent with ""members":[{"value":"
      And a request was sent with "{"op":"replace","path":"phoneNumbers","value":[{"type":"work","value":"555-1"}]}"
