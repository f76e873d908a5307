@admin @guide-picking-up
Feature: Updating the user names of existing users
  An account is picked up when its User Name is the same as the userName that the
  provider sends. A custom action, "update field", gives many users new names.

  Background:
    Given the instances "acme" and "globex"
    And OneLogin has an app for "acme"
    And "acme" has these users, made by hand:
      | User Name | First Name | Last Name | Email             | Job Title |
      | anovak    | Anna       | Novak     | Anna@acme.example |           |
      | bsmith    | Ben        | Smith     | ben@acme.example  | Manager   |
      | reception | Front      | Desk      |                   |           |

  Rule: The user names are updated, and then the accounts are picked up

    Scenario: Without it the accounts are doubled, with it they are picked up
      Given OneLogin has these users, assigned to the app "acme":
        | Username          | First Name | Last Name |
        | ben@acme.example  | Ben        | Smith     |
      And user names of "acme" are updated from the e-mail, in lower case
      When OneLogin runs a provisioning cycle of the app "acme"
      Then "ben@acme.example" was picked up
      And "acme" has 3 users
      And the change history of "acme" shows that "User Name" changed for "bsmith" from "bsmith" to "ben@acme.example"

    Scenario: A preview shows what would change, and writes nothing
      When an administrator of "acme" runs "user update-field userName --from email --lower"
      Then it says "anna@acme.example"
      And it says "2 users would be updated, 1 not"
      And it says "the new value would be empty"
      And "anovak" has an account in "acme"

    Scenario: Only the users whom a filter chooses
      Given an administrator of "acme" runs "user update-field userName --from email --filter "title pr""
      Then it says "1 users would be updated, 0 not"

  Rule: Conflicts are foretold, and keep nobody else

    Scenario: Two would get the same name, and one is taken in another instance
      Given "acme" has these users, made by hand:
        | User Name | Email             |
        | anna2     | anna@acme.example |
      And user names of "acme" are updated from the e-mail, in lower case
      Then it is refused, because "2 users could not be updated"
      And "ben@acme.example" has an account in "acme"
      And "anna2" has an account in "acme"

    Scenario: A preview foretells that two would get the same name
      Given "acme" has these users, made by hand:
        | User Name | Email             |
        | anna2     | anna@acme.example |
      When an administrator of "acme" runs "user update-field userName --from email --lower"
      Then it says "would get the same name"

    Scenario: The domain is replaced
      Given "acme" has the user "carl@old.example", made by hand
      When an administrator of "acme" runs "user update-field userName --domain new.example --apply"
      Then it says "carl@new.example"
