@admin @own @wire @events
Feature: Events
  An application that owns users hears of every change at once, as RFC 9967
  has it, and a client need not wait for what it asks for.

  Background:
    Given a sandbox instance "acme"
    And the client has the key of "acme"

  Rule: Every change arrives, in its order, with its version

    Scenario Outline: What a provider does to a user, when the application <how> events
      Given an application <how> the events of "acme"
      And a user anna
      When the client patches "/Users/{anna}" with:
        """
        {"op": "replace", "path": "title", "value": "Analyst"}
        """
      And the client patches "/Users/{anna}" with:
        """
        {"op": "replace", "path": "active", "value": false}
        """
      And the client sends PUT "/Users/{anna}" with:
        """
        {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "anna-{tag}", "active": true}
        """
      And the client sends DELETE "/Users/{anna}"
      Then the application hears about "/Users/{anna}":
        | Event                                 | Says              |
        | prov:activate + prov:create:notice    | "version":"W/\"1\"" |
        | prov:patch:notice                     | ["title"]         |
        | prov:deactivate + prov:patch:notice   | "version":"W/\"3\"" |
        | prov:activate + prov:put:notice       | "version":"W/\"4\"" |
        | prov:delete                           | {}                |

      Examples:
        | how       |
        | polls     |
        | is pushed |

    Scenario: With the values, if the feed is to have them
      Given an application polls the events of "acme", with:
        | mode | full |
      And a user anna with:
        """
        "title": "Analyst"
        """
      And a group staff
      When the client patches "/Groups/{staff}" with:
        """
        {"op": "add", "path": "members", "value": [{"value": "{anna}"}]}
        """
      Then the application hears about "/Users/{anna}":
        | Event                            | Says              |
        | prov:activate + prov:create:full | "title":"Analyst" |
      And the application hears about "/Groups/{staff}":
        | Event            | Says               |
        | prov:create:full | "displayName"      |
        | prov:patch:full  | {"value":"{anna}"} |

    Scenario: What an administrator does by hand
      Given an application polls the events of "acme"
      And "acme" has the user "ben@acme.example", made by hand
      When an administrator suspends "ben@acme.example" in "acme" by hand
      And an administrator reactivates "ben@acme.example" in "acme" by hand
      Then the application hears about the user "ben@acme.example" of "acme":
        | Event                               | Says       |
        | prov:activate + prov:create:notice  |            |
        | prov:deactivate + prov:patch:notice | ["active"] |
        | prov:activate + prov:patch:notice   | ["active"] |

    Scenario: What an import does
      Given an application polls the events of "acme"
      When an administrator of "acme" imports the users:
        | userName          | firstName |
        | ann@acme.example  | Ann       |
        | bea@acme.example  | Bea       |
      Then the application hears about the user "ann@acme.example" of "acme":
        | Event                              | Says             |
        | prov:activate + prov:create:notice | "name.givenName" |
      And the application hears about the user "bea@acme.example" of "acme":
        | Event                              | Says             |
        | prov:activate + prov:create:notice | "name.givenName" |
      And the last two events are of one transaction

    Scenario: What a workflow rule does
      Given an application polls the events of "acme"
      And a group staff
      And an administrator of "acme" runs "rule create staff --field scimSyncJobTitle --do add-to-group:staff-{tag}"
      When the client sends POST "/Users" with:
        """
        {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "anna-{tag}", "title": "Analyst"}
        """
      Then the answer is 201
      And the application hears about "/Groups/{staff}":
        | Event              | Says        |
        | prov:create:notice |             |
        | prov:patch:notice  | ["members"] |
      And the last two events are of one transaction

    Scenario: What a Bulk does, and what was refused
      Given an application polls the events of "acme"
      And a user anna
      When the client sends POST "/Bulk" with:
        """
        {"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": [
          {"method": "POST", "path": "/Users", "bulkId": "a", "data": {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "anna-{tag}"}},
          {"method": "DELETE", "path": "/Users/{anna}"}]}
        """
      Then "/Operations/0/status" is "409"
      And the application hears about "/Users/{anna}":
        | Event                              | Says |
        | prov:activate + prov:create:notice |      |
        | prov:delete                        |      |
      And the application hears about "/Users":
        | Event | Says |

    Scenario: What follows from a change is of the same transaction
      Given an application polls the events of "acme", with:
        | type | create,patch |
      And a user ben with:
        """
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"manager": {"value": "boss-{tag}"}}
        """
      And a user boss
      Then the application hears about "/Users/{ben}":
        | Event              | Says      |
        | prov:create:notice |           |
        | prov:patch:notice  | manager   |
      And the application hears about "/Users/{boss}":
        | Event              | Says |
        | prov:create:notice |      |
      And the last two events are of one transaction

    Scenario: A group has a member less, who was deleted
      Given an application polls the events of "acme"
      And a user anna
      And a group staff with:
        """
        "members": [{"value": "{anna}"}]
        """
      When the client sends DELETE "/Users/{anna}"
      Then the application hears about "/Users/{anna}":
        | Event                              | Says |
        | prov:activate + prov:create:notice |      |
        | prov:delete                        | {}   |
      And the application hears about "/Groups/{staff}":
        | Event              | Says                                        |
        | prov:create:notice | "version":"W/\"1\""                         |
        | prov:patch:notice  | "version":"W/\"2\"","attributes":["members"] |
      And the last two events are of one transaction

    Scenario: A group has a member less, which was a group
      Given an application polls the events of "acme"
      And a group staff
      And a group all with:
        """
        "members": [{"value": "{staff}"}]
        """
      When the client sends DELETE "/Groups/{staff}"
      Then the application hears about "/Groups/{staff}":
        | Event              | Says |
        | prov:create:notice |      |
        | prov:delete        | {}   |
      And the application hears about "/Groups/{all}":
        | Event              | Says                                        |
        | prov:create:notice | "version":"W/\"1\""                         |
        | prov:patch:notice  | "version":"W/\"2\"","attributes":["members"] |
      And the last two events are of one transaction

    Scenario: Only those of the types that are asked for
      Given an application polls the events of "acme", with:
        | type | deactivate,delete |
      And a user anna
      And a user ben
      When the client patches "/Users/{anna}" with:
        """
        {"op": "replace", "path": "active", "value": false}
        """
      And the client sends DELETE "/Users/{ben}"
      Then the application hears about "/Users/{anna}":
        | Event           | Says |
        | prov:deactivate | {}   |
      And the application hears about "/Users/{ben}":
        | Event       | Says |
        | prov:delete | {}   |

    Scenario: Who comes to match the filter of a feed, and ceases to
      Given an application polls the events of "acme", with:
        | filter | title eq "Analyst" |
      And a user anna with:
        """
        "title": "Boss"
        """
      When the client patches "/Users/{anna}" with:
        """
        {"op": "replace", "path": "title", "value": "analyst"}
        """
      And the client patches "/Users/{anna}" with:
        """
        {"op": "replace", "path": "nickName", "value": "Ann"}
        """
      And the client patches "/Users/{anna}" with:
        """
        {"op": "remove", "path": "title"}
        """
      And the client patches "/Users/{anna}" with:
        """
        {"op": "replace", "path": "nickName", "value": "Nan"}
        """
      Then the application hears about "/Users/{anna}":
        | Event                        | Says       |
        | feed:add + prov:patch:notice | "title"    |
        | prov:patch:notice            | "nickName" |
        | feed:remove                  | {}         |

  Rule: Nothing is lost

    Scenario Outline: The receiver loses, delays and puts off, when the application <how> events
      Given an application <how> the events of "acme", with:
        | lose  | 20%       |
        | busy  | 20%       |
        | delay | 20%:100ms |
      And a user anna
      When the client patches "/Users/{anna}" with:
        """
        {"op": "replace", "path": "title", "value": "1"}
        """
      And the client patches "/Users/{anna}" with:
        """
        {"op": "replace", "path": "title", "value": "2"}
        """
      And the client patches "/Users/{anna}" with:
        """
        {"op": "replace", "path": "title", "value": "3"}
        """
      Then the application hears about "/Users/{anna}":
        | Event                              | Says                |
        | prov:activate + prov:create:notice | "version":"W/\"1\"" |
        | prov:patch:notice                  | "version":"W/\"2\"" |
        | prov:patch:notice                  | "version":"W/\"3\"" |
        | prov:patch:notice                  | "version":"W/\"4\"" |

      Examples:
        | how       |
        | polls     |
        | is pushed |

    Scenario: What a receiver refuses for good is put aside, and keeps nothing else
      Given an application is pushed the events of "acme", with:
        | refuse | 100% |
      And a user anna
      And a user ben
      Then the application hears nothing more
      When an administrator of "acme" runs "feed parked app"
      Then it says "user.create"
      And it says "refused on purpose"
      When an administrator of "acme" runs "feed list"
      Then it says "up to date"

    Scenario: A feed that is rewound tells again
      Given an application polls the events of "acme", with:
        | type | create |
      And a user anna
      Then the application hears about "/Users/{anna}":
        | Event              | Says |
        | prov:create:notice |      |
      When an administrator of "acme" runs "feed rewind app --to 1h"
      Then the application hears about "/Users/{anna}":
        | Event              | Says |
        | prov:create:notice |      |
        | prov:create:notice |      |

    Scenario: What happens while a feed is paused is told later
      Given an application is pushed the events of "acme"
      When an administrator of "acme" runs "feed pause app"
      And a user anna
      Then the application hears nothing more
      When an administrator of "acme" runs "feed resume app"
      Then the application hears about "/Users/{anna}":
        | Event                              | Says |
        | prov:activate + prov:create:notice |      |

  Rule: Events go where they may

    Scenario Outline: <what> is refused
      Given an instance "globex"
      When an administrator of "globex" runs "feed create app <where>"
      Then it is refused, because "<why>"

      Examples:
        | what                        | where                                 | why                        |
        | This machine, in production | --push http://127.0.0.1:9/            | this instance is in production |
        | Another one without TLS     | --push http://app.example.com/events  | are pushed over https      |
        | A secret in the address     | --push https://a:b@app.example.com/   | the authorization header   |

    Scenario: A private network is not reached
      When an administrator of "acme" runs "feed create app --push https://10.1.2.3/events"
      And a user anna
      And 1 seconds pass
      And an administrator of "acme" runs "feed show app"
      Then it says "is no public address"

  Rule: A client need not wait

    Scenario: A creation is done later, and its completion is fetched and told
      Given an application polls the events of "acme"
      And the header "Prefer" is sent as "respond-async"
      When the client sends POST "/Users" with:
        """
        {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "anna-{tag}"}
        """
      Then the answer is 202
      And the answer has no body
      And the header "Preference-Applied" has "respond-async"
      And the header "Location" is there
      And the header "Set-Txn" is kept as txn
      When the client fetches the completion of {txn}
      Then the operations were answered with 201
      And the application hears of the completion of {txn}
      And the last two events are of one transaction

    Scenario: What is refused is told, too
      Given a user anna
      And the header "Prefer" is sent as "respond-async"
      When the client sends POST "/Users" with:
        """
        {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "anna-{tag}"}
        """
      Then the answer is 202
      And the header "Set-Txn" is kept as txn
      When the client fetches the completion of {txn}
      Then the operations were answered with 409

    Scenario: Who wants to wait for a while gets the normal answer
      Given the header "Prefer" is sent as "respond-async, wait=30"
      When the client sends POST "/Users" with:
        """
        {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "anna-{tag}"}
        """
      Then the answer is 201
      And "/userName" is "anna-{tag}"

    Scenario: Each operation of a Bulk has a completion
      Given an application polls the events of "acme"
      And a user anna
      And the header "Prefer" is sent as "respond-async"
      When the client sends POST "/Bulk" with:
        """
        {"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "failOnErrors": 1, "Operations": [
          {"method": "PATCH", "path": "/Users/{anna}", "data": {"Operations": [{"op": "replace", "path": "title", "value": "x"}]}},
          {"method": "POST", "path": "/Users", "bulkId": "a", "data": {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "anna-{tag}"}},
          {"method": "DELETE", "path": "/Users/{anna}"}]}
        """
      Then the answer is 202
      And the header "Set-Txn" is kept as txn
      When the client fetches the completion of {txn}
      Then the operations were answered with 200, 409, 424
      And the application hears about "/Users/{anna}":
        | Event                              | Says           |
        | prov:activate + prov:create:notice |                |
        | prov:patch:notice                  | ["title"]      |
        | misc:asyncresp                     | "status":"200" |
        | misc:asyncresp                     | "status":"424" |

    Scenario: What was accepted is done, though the server is killed
      Given the client turns to a server of its own
      When the client sends a Bulk that creates 400 users "later", and does not wait
      Then the answer is 202
      And the header "Set-Txn" is kept as txn
      And some of the users "later" are there
      When that server is killed
      And the client fetches the completion of {txn}
      Then all 400 operations were answered with 201
      And there are 400 users "later"

    Scenario: It is announced
      When the client sends GET "/ServiceProviderConfig"
      Then "/securityEvents/asyncRequest" is "request"
      And "/securityEvents/eventUris" has 12 values
