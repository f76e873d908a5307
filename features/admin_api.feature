@admin @own @wire
Feature: The admin API
  What an administrator sets up by commands can be set up over HTTP too: below
  /admin/v1, with a token of its own kind.

  Rule: A token of the admin API is needed there, and taken only there

    Background:
      Given an instance "acme"
      And the client has a token of the admin API

    Scenario: An API key is not taken
      Given the client uses the key of "acme" there
      When the client sends GET "/instances/{acme}"
      Then the answer is 401
      And its detail says "API keys are for SCIM only"
      And the header "WWW-Authenticate" has "Bearer"

    Scenario: A revoked token is not taken
      Given that token is revoked
      When the client sends GET "/instances"
      Then the answer is 401
      And its detail says "the token is revoked"

    Scenario: A token is taken, and what it changes names its holder
      When the client sends POST "/instances/{acme}/fields" with:
        """
        {"name": "country", "title": "Country"}
        """
      Then the answer is 201
      When the client sends GET "/instances/{acme}/history?text=country"
      Then the answer is 200
      And "/items" has 1 value
      And "/items/0/action" is "field.create"
      And "/items/0/actor/name" is "ada"

  Rule: A token has a role, and can be of one instance

    Scenario: An auditor reads the history, and nothing else
      Given the instances "acme" and "globex"
      And the client has a token of an auditor of "acme"
      When the client sends GET "/instances/{acme}/history"
      Then the answer is 200
      When the client sends GET "/instances/{acme}/users"
      Then the answer is 403
      And its detail says "the token is an auditor's, and this takes a reader's"
      When the client sends GET "/instances/{globex}/history"
      Then the answer is 403
      And its detail says "only"
      When the client sends GET "/instances/{acme}/history?outcome=refused"
      Then the answer is 200
      And "/items" has 1 value
      And "/items/0/action" is "authenticate"
      And "/items/0/actor/name" is "ada"

    Scenario: A lite administrator looks after people, and sees the setup without changing it
      Given an instance "acme"
      And the client has a token of a lite-administrator of "acme"
      When the client sends POST "/instances/{acme}/users" with:
        """
        {"userName": "ben.{tag}"}
        """
      Then the answer is 201
      When the client sends GET "/instances/{acme}/mapping/attributes"
      Then the answer is 200
      And "/items/0/attribute" is "userName"
      And "/items/0/readOnly" is true
      When the client sends PUT "/instances/{acme}/mapping/officePhone" with:
        """
        {"attribute": "phoneNumbers[type eq \"other\"].value"}
        """
      Then the answer is 403
      And its detail says "the token is a lite administrator's, and this takes an administrator's"
      When the client sends GET "/instances/{acme}/keys"
      Then the answer is 403
      When the client sends PATCH "/instances/{acme}/users/ben.{tag}" with:
        """
        {"role": "lite-admin"}
        """
      Then the answer is 403
      When the client sends POST "/instances/{acme}/users" with:
        """
        {"userName": "robot.{tag}", "integration": true, "role": "lite-admin"}
        """
      Then the answer is 403

    Scenario: A reader sees people and the setup, and changes nothing
      Given an instance "acme"
      And the client has a token of a reader of "acme"
      When the client sends GET "/instances/{acme}/users"
      Then the answer is 200
      When the client sends GET "/instances/{acme}/mapping"
      Then the answer is 200
      When the client sends GET "/instances/{acme}/keys"
      Then the answer is 403
      When the client sends POST "/instances/{acme}/users" with:
        """
        {"userName": "ben.{tag}"}
        """
      Then the answer is 403
      And its detail says "the token is a reader's, and this takes a lite administrator's"

    Scenario: An administrator makes no keys
      Given an instance "acme"
      And the client has a token of an administrator of "acme"
      When the client sends GET "/instances/{acme}/keys"
      Then the answer is 200
      When the client sends POST "/instances/{acme}/keys" with:
        """
        {"user": "scim-sync.{tag}"}
        """
      Then the answer is 403
      And its detail says "this takes an owner's"

  Rule: An instance can be set up by it alone

    Scenario: From a new instance to a job title
      Given the client has a token of the admin API
      When the client sends POST "/instances" with:
        """
        {"instance": "{new}", "edition": "enterprise"}
        """
      Then the answer is 201
      When the client sends POST "/instances/{new}/users" with:
        """
        {"userName": "scim-sync.{tag}", "integration": true, "role": "lite-admin"}
        """
      Then the answer is 201
      When the client sends POST "/instances/{new}/keys" with:
        """
        {"user": "scim-sync.{tag}", "days": 30}
        """
      Then the answer is 201
      And the key that it shows is the one of "new"
      When the client sends POST "/instances/{new}/fields" with:
        """
        {"name": "country", "title": "Country"}
        """
      Then the answer is 201
      When the client sends PUT "/instances/{new}/mapping/Country" with:
        """
        {"attribute": "userType"}
        """
      Then the answer is 200
      When the client sends POST "/instances/{new}/rules" with:
        """
        {"name": "titles", "field": "Scim Sync Job Title", "do": ["create:job-title"]}
        """
      Then the answer is 201
      Given OneLogin has an app for "new"
      And OneLogin has these users, assigned to the app "new":
        | Username          | First Name | Last Name | Title   |
        | anna@acme.example | Anna       | Novak     | Analyst |
      When OneLogin runs a provisioning cycle of the app "new"
      Then "anna@acme.example" is linked to the job-title "Analyst" in "new"
      When the client sends GET "/instances/{new}/users/anna@acme.example.{tag}"
      Then the answer is 200
      And "/objects/job-title" is "Analyst"
      And "/fields/scimSyncJobTitle" is "Analyst"
      When the client sends GET "/instances/{new}/objects"
      Then the answer is 200
      And "/items/0/users" is 1

  Rule: It does all that the commands do

    Background:
      Given an instance "acme"
      And "acme" has the user "anna@acme.example", made by hand
      And the client has a token of the admin API

    Scenario: Accounts are made, changed and deleted
      When the client sends POST "/instances/{acme}/users" with:
        """
        {"userName": "ben.{tag}", "fields": {"Email": "ben@acme.example", "First Name": "Ben"}}
        """
      Then the answer is 201
      And "/source" is "manual"
      When the client sends GET "/instances/{acme}/outbox"
      Then the answer is 200
      And "/items/0/to" is "ben@acme.example"
      When the client sends PATCH "/instances/{acme}/users/ben.{tag}" with:
        """
        {"state": "suspended", "role": "lite-admin"}
        """
      Then the answer is 400 invalidValue
      When the client sends PATCH "/instances/{acme}/users/ben.{tag}" with:
        """
        {"role": "lite-admin"}
        """
      Then the answer is 200
      When the client sends PATCH "/instances/{acme}/users/ben.{tag}" with:
        """
        {"state": "suspended"}
        """
      Then the answer is 200
      And "/state" is "suspended"
      And "/role" is "lite-admin"
      When the client sends GET "/instances/{acme}/users?filter=active+eq+false"
      Then the answer is 200
      And "/items" has 1 value
      When the client sends DELETE "/instances/{acme}/users/ben.{tag}"
      Then the answer is 204
      When the client sends GET "/instances/{acme}/users/ben.{tag}"
      Then the answer is 404

    Scenario: Groups are made and shown
      When the client sends POST "/instances/{acme}/groups" with:
        """
        {"displayName": "Analysts", "members": ["anna@acme.example.{tag}"]}
        """
      Then the answer is 201
      When the client sends GET "/instances/{acme}/groups/Analysts"
      Then the answer is 200
      And "/members/0/name" is "anna@acme.example.{tag}"

    Scenario: A field of many users gets a new value, after a preview
      When the client sends POST "/instances/{acme}/field-updates" with:
        """
        {"field": "userName", "domain": "new.example.{tag}"}
        """
      Then the answer is 200
      And "/items/0/new" is "anna@new.example.{tag}"
      When the client sends GET "/instances/{acme}/users/anna@acme.example.{tag}"
      Then the answer is 200
      When the client sends POST "/instances/{acme}/field-updates" with:
        """
        {"field": "userName", "domain": "new.example.{tag}", "apply": true}
        """
      Then the answer is 200
      When the client sends GET "/instances/{acme}/users/anna@new.example.{tag}"
      Then the answer is 200

    Scenario: Keys are rotated and revoked
      When the client sends GET "/instances/{acme}/keys"
      Then the answer is 200
      And "/items/0/id" is kept as key
      When the client sends POST "/instances/{acme}/keys/{key}/rotations" with:
        """
        {"overlapHours": 0}
        """
      Then the answer is 201
      And "/id" is kept as another
      When the client sends GET "/instances/{acme}/keys"
      Then "/items/0/state" is "expired"
      And "/items/1/state" is "valid"
      When the client sends DELETE "/instances/{acme}/keys/{another}"
      Then the answer is 204

    Scenario: A mapping is saved as a whole, previewed, applied and restored
      When the client sends PUT "/instances/{acme}/mapping" with:
        """
        {"rows": [{"attribute": "userName", "field": "userName"}, {"attribute": "nickName", "field": "displayName"}]}
        """
      Then the answer is 400 invalidValue
      And its detail says "read-only"
      When the client sends PUT "/instances/{acme}/mapping" with:
        """
        {"rows": [
          {"attribute": "userName", "field": "userName"}, {"attribute": "displayName", "field": "displayName"},
          {"attribute": "emails[type eq \"work\"].value", "field": "email"}, {"attribute": "name.givenName", "field": "firstName"},
          {"attribute": "name.familyName", "field": "lastName"},
          {"attribute": "nickName", "field": "mobilePhone"}, {"attribute": "title", "field": "mobilePhone"}]}
        """
      Then the answer is 400 invalidValue
      And its detail says "both mapped to"
      When the client sends PUT "/instances/{acme}/mapping/mobilePhone" with:
        """
        {"attribute": "nickName"}
        """
      Then the answer is 200
      When the client sends POST "/instances/{acme}/mapping/preview" with:
        """
        {"body": {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "x", "nickName": "Xenia"}}
        """
      Then the answer is 200
      And "/mobilePhone" is "Xenia"
      When the client sends POST "/instances/{acme}/mapping/apply"
      Then the answer is 200
      And "/users" is 2
      When the client sends DELETE "/instances/{acme}/mapping/mobilePhone"
      Then the answer is 204
      When the client sends DELETE "/instances/{acme}/mapping"
      Then the answer is 204
      When the client sends GET "/instances/{acme}/mapping"
      Then the answer is 200

    Scenario: Rules and objects
      When the client sends POST "/instances/{acme}/object-types" with:
        """
        {"name": "site"}
        """
      Then the answer is 204
      When the client sends POST "/instances/{acme}/objects" with:
        """
        {"type": "site", "name": "Prague"}
        """
      Then the answer is 201
      When the client sends POST "/instances/{acme}/objects" with:
        """
        {"type": "site", "name": "Prague"}
        """
      Then the answer is 409 uniqueness
      When the client sends POST "/instances/{acme}/rules" with:
        """
        {"name": "sites", "field": "email", "when": "like:x", "do": ["link:site"]}
        """
      Then the answer is 400 invalidValue
      And its detail says "unknown condition"
      When the client sends POST "/instances/{acme}/rules" with:
        """
        {"name": "sites", "field": "email", "do": ["link:site"]}
        """
      Then the answer is 201
      When the client sends DELETE "/instances/{acme}/rules/sites"
      Then the answer is 204
      When the client sends GET "/instances/{acme}/rules"
      Then "/items" has 0 values

    Scenario: The history is read page by page, exported, verified and pruned
      When the client sends GET "/instances/{acme}/history?limit=2"
      Then the answer is 200
      And "/items" has 2 values
      And "/before" is kept as page
      When the client sends GET "/instances/{acme}/history?limit=2&before={page}"
      Then the answer is 200
      And "/items" has 2 values
      And "/before" is not there
      When the client sends GET "/instances/{acme}/history/export?format=csv"
      Then the answer is 200
      And the header "Content-Type" has "text/csv"
      When the client sends GET "/instances/{acme}/history/export"
      Then the answer is 200
      And the header "Content-Type" has "application/x-ndjson"
      When the client sends GET "/instances/{acme}/history/verification"
      Then the answer is 200
      And "/rows" is 4
      And "/problems" has 0 values
      When the client sends POST "/instances/{acme}/history/prunings" with:
        """
        {"olderThanDays": 30}
        """
      Then the answer is 200
      And "/rows" is 0

  Rule: What is wrong is refused as a SCIM error, and says what to do

    Background:
      Given an instance "acme"
      And the client has a token of the admin API

    Scenario Outline: <what>
      When the client sends <method> "<path>" with:
        """
        <body>
        """
      Then the answer is <answer>
      And its detail says "<detail>"

      Examples:
        | what                             | method | path                       | body                                          | answer           | detail                      |
        | An instance that is there        | POST   | /instances                 | {"instance": "{acme}"}                        | 409 uniqueness   | exists already              |
        | An instance that is not          | POST   | /instances/nobody/fields   | {"name": "x"}                                 | 404              | there is no instance        |
        | An unknown member                | POST   | /instances                 | {"instance": "x", "colour": "red"}            | 400 invalidValue | colour                      |
        | An unknown edition               | POST   | /instances                 | {"instance": "x", "edition": "gold"}          | 400 invalidValue | edition                     |
        | A key for nobody                 | POST   | /instances/{acme}/keys     | {"user": "nobody"}                            | 404              | has no user                 |
        | An attribute that is not         | PUT    | /instances/{acme}/mapping/mobilePhone | {"attribute": "nonsense"}          | 400 invalidValue | define no attribute         |
        | A field that is not              | POST   | /instances/{acme}/users    | {"userName": "x", "fields": {"colour": "red"}} | 400 invalidValue | has no field                |
        | No JSON                          | POST   | /instances                 | {                                             | 400 invalidSyntax | JSON                       |

  Rule: Two administrators do not overwrite one another

    Background:
      Given an instance "acme"
      And the client has a token of the admin API

    Scenario Outline: What was changed meanwhile is refused, and stays: <what>
      When the client sends GET "/instances/{acme}/<what>"
      Then the answer is 200
      And the header "ETag" is kept as seen
      # The other administrator.
      When the client sends <method> "/instances/{acme}/<path>" with:
        """
        <theirs>
        """
      Then the answer is <status>
      Given the header "If-Match" is sent as "{seen}"
      When the client sends <method> "/instances/{acme}/<again>" with:
        """
        <ours>
        """
      Then the answer is 412
      And its detail says "somebody else has changed it"
      When the client sends GET "/instances/{acme}/<what>"
      Then the header "ETag" is kept as now
      Given the header "If-Match" is sent as "{now}"
      When the client sends <method> "/instances/{acme}/<again>" with:
        """
        <ours>
        """
      Then the answer is <status>
      When the client sends GET "/instances/{acme}/history?text=<text>"
      Then "/items" has 2 values

      Examples:
        | what    | method | path                    | theirs | again | ours | status | text |
        | mapping | PUT    | mapping/officePhone     | {"attribute": "phoneNumbers[type eq \"other\"].value"} | mapping/mobilePhone | {"attribute": "phoneNumbers[type eq \"home\"].value"} | 200 | phoneNumbers |
        | rules   | POST   | rules                   | {"name": "titled-one", "field": "scimSyncJobTitle", "do": ["create:job-title"]} | rules | {"name": "titled-two", "field": "scimSyncJobTitle", "do": ["create:job-title"]} | 201 | titled |
        | fields  | POST   | fields                  | {"name": "deskone", "title": "Desk"} | fields | {"name": "desktwo", "title": "Desk"} | 201 | desk |
