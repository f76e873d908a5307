@admin @guide-initial-setup
Feature: Attribute mapping
  An administrator of the application sees how user attributes are mapped to the
  fields of the User entity, and changes it.

  Background:
    Given an instance "acme"
    And OneLogin has an app for "acme"

  Rule: Predefined standard fields are automatically mapped

    Scenario: The default mapping
      Then the mapping of "acme" is:
        | SCIM attribute                                                           | Field            | Read-only |
        | userName                                                                 | userName         | yes       |
        | displayName                                                              | displayName      | yes       |
        | emails[type eq "work"].value                                             | email            | yes       |
        | name.givenName                                                           | firstName        | yes       |
        | name.familyName                                                          | lastName         | yes       |
        | phoneNumbers[type eq "work"].value                                       | officePhone      |           |
        | phoneNumbers[type eq "mobile"].value                                     | mobilePhone      |           |
        | urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value | directManager    |           |
        | title                                                                    | scimSyncJobTitle |           |

  Rule: The first few mappings are read-only and cannot be changed

    Scenario Outline: <what>
      When an administrator of "acme" runs "<command>"
      Then it is refused, because "read-only"
      And the change history of "acme" has no change of the mapping

      Examples:
        | what                              | command                            |
        | Another attribute for User Name   | mapping set externalId userName    |
        | No attribute for Email            | mapping delete Email               |
        | Another attribute for First Name  | mapping set nickName "First Name"  |

  Rule: The rest can be changed, on both sides

    Scenario: Another attribute lands in a field
      Given an administrator of "acme" runs "mapping set userType scimSyncJobTitle"
      When a provider sends "acme" the user "anna@acme.example" with:
        | title    | ignored    |
        | userType | Contractor |
      Then the account of "anna@acme.example" in "acme" has:
        | Scim Sync Job Title | Contractor |
      And the change history of "acme" shows that the mapping of "Scim Sync Job Title" changed from "title" to "userType"

    Scenario: A new mapping into a custom field
      Given "acme" has the custom field "country" of the type text
      And an administrator of "acme" runs "mapping set addresses[type_eq_"work"].country country"
      When a provider sends "acme" the user "anna@acme.example" with:
        | addresses[type eq "work"].country | Norway |
        | addresses[type eq "home"].country | Chile  |
      Then the account of "anna@acme.example" in "acme" has the custom field "country" of "Norway"

    Scenario: A mapping is deleted
      Given an administrator of "acme" runs "mapping delete "Office Phone""
      When a provider sends "acme" the user "anna@acme.example" with:
        | phoneNumbers[type eq "work"].value   | 1 |
        | phoneNumbers[type eq "mobile"].value | 2 |
      Then the account of "anna@acme.example" in "acme" has:
        | Office Phone |   |
        | Mobile Phone | 2 |

    Scenario: The default mapping is restored
      Given an administrator of "acme" runs "mapping delete "Office Phone""
      And an administrator of "acme" runs "mapping restore"
      When a provider sends "acme" the user "anna@acme.example" with:
        | phoneNumbers[type eq "work"].value | 1 |
      Then the account of "anna@acme.example" in "acme" has:
        | Office Phone | 1 |

  Rule: Only mapping to textual (string) fields is supported

    Scenario Outline: A <type> field is refused, with the reason
      Given "acme" has the custom field "extra" of the type <type>
      When an administrator of "acme" runs "mapping set nickName extra"
      Then it is refused, because "only mapping to text fields is supported"

      Examples:
        | type   |
        | number |
        | date   |
        | yes-no |
        | reference |

    Scenario Outline: What cannot be mapped is refused: <what>
      When an administrator of "acme" runs "<command>"
      Then it is refused, because "<reason>"

      Examples:
        | what                    | command                        | reason                       |
        | an unknown field        | mapping set nickName shoeSize  | field create                 |
        | an unknown attribute    | mapping set shoeSize officePhone | define no attribute        |
        | an attribute of several values | mapping set emails.value officePhone | is no single text |
        | no text                 | mapping set active officePhone | is no single text            |
        | a field without mapping | mapping delete shoeSize        | nothing is mapped            |

  Rule: Users who are there already are brought in line by re-applying the mappings

    Scenario: Nothing changes before, and everything after
      Given a provider sends "acme" the user "anna@acme.example" with:
        | title    | Analyst  |
        | userType | Employee |
      And an administrator of "acme" runs "mapping set userType scimSyncJobTitle"
      And the account of "anna@acme.example" in "acme" has:
        | Scim Sync Job Title | Analyst |
      When an administrator of "acme" runs "mapping apply"
      Then the account of "anna@acme.example" in "acme" has:
        | Scim Sync Job Title | Employee |
      And the change history of "acme" shows that "Scim Sync Job Title" changed for "anna@acme.example" from "Analyst" to "Employee"

    Scenario: A second time changes nobody
      Given a provider sends "acme" the user "anna@acme.example" with:
        | userType | Employee |
      And an administrator of "acme" runs "mapping set userType scimSyncJobTitle"
      And an administrator of "acme" runs "mapping apply"
      When an administrator of "acme" runs "mapping apply"
      Then it says "; 0 changed"

  Rule: What was entered by hand is shown over SCIM by the inverse mapping

    Scenario: A custom field that was entered by hand
      Given "acme" has the custom field "country" of the type text
      And an administrator of "acme" runs "mapping set addresses[type_eq_"work"].country country"
      And an administrator of "acme" runs "user create hand --field country=Norway"
      When the client filters Users by: addresses[type eq "work" and country eq "norway"]
      Then "/totalResults" is 1
      And "/Resources/0/urn:muster:params:scim:schemas:extension:application:1.0:User/country" is "Norway"

  Rule: A preview shows what would land where

    Scenario: For a user who is there
      Given a provider sends "acme" the user "anna@acme.example" with:
        | title    | Analyst  |
        | userType | Employee |
      And an administrator of "acme" runs "mapping set userType scimSyncJobTitle"
      When an administrator of "acme" runs "mapping preview --user anna@acme.example"
      Then it says "Employee"
      And the account of "anna@acme.example" in "acme" has:
        | Scim Sync Job Title | Analyst |
