Feature: Feeds of events in the console
  Who owns an instance sees who hears of its changes, and what went wrong.

  Background:
    Given an instance with these people, made by hand:
      | userName         | email            |
      | ada@acme.example | ada@acme.example |
    And Grace is signed in to the console
    When she opens "Feeds of events"

  Scenario: A feed is made, paused, rewound and deleted
    When she enters "app" as "Name"
    And she clicks "Make the feed"
    Then she sees "The token of the feed app, shown this once"
    And she sees "/events/feeds/"
    When she opens "Feeds of events"
    Then she does not see "shown this once"
    When she opens "app"
    Then she sees "who polls at /events/feeds/"
    When she clicks "Pause"
    Then she sees "The feed is paused."
    When she clicks "Go on"
    Then she sees "The feed goes on."
    When she enters "yesterday" as "For how long ago"
    And she clicks "Tell again"
    Then she sees "give how long ago, such as 36h"
    When she enters "48h" as "For how long ago"
    And she clicks "Tell again"
    Then she sees "The feed tells again of"
    When she enters "app" as "Type"
    And she clicks "Delete"
    Then she sees "The feed app is deleted."
    And she sees "Nobody is told of changes."

  Scenario: A receiver that cannot be reached safely is refused
    When she enters "app" as "Name"
    And she enters "http://app.example.com/events" as "Push to"
    And she clicks "Make the feed"
    Then she sees "are pushed over https:// only"
    And the field "Name" holds "app"

  Scenario: Who is no owner sees them, and makes none
    Given Ines is signed in to the console as administrator
    When she opens "Feeds of events"
    Then she sees "To make feeds takes the role owner."
