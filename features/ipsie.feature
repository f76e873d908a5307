@admin @own @wire
Feature: OpenID's IPSIE profile, identity lifecycle level 1 for SCIM
  The profile says what a SCIM server of an enterprise must do. This is its
  list, in its order.

  Background:
    Given an instance "acme"
    And the client has the key of "acme"

  Rule: Clients get access tokens for JWTs that they sign (RFC 7523), as well as bearer tokens

    Background:
      Given "acme" has an OAuth client that publishes its keys

    Scenario: A token that ends soon, for SCIM
      When the client asks for an access token
      Then the answer is 200
      And it gets a token for at most 60 minutes
      When the client sends GET "/Users"
      Then the answer is 200
      When the client sends POST "/Users" with:
        """
        {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "anna-{tag}"}
        """
      Then the answer is 201

    Scenario: The server tells where tokens are given (RFC 8414)
      When the client asks for an access token
      And the client sends GET "/ServiceProviderConfig"
      Then "/authenticationSchemes" has 2 values
      And "/authenticationSchemes/1/type" is "oauthbearertoken"

    Scenario Outline: No token for an assertion that <is wrong>
      When the client asks for an access token with an assertion that <is wrong>
      Then it gets no token, because of invalid_client

      Examples:
        | is wrong                       |
        | is for another audience        |
        | has expired                    |
        | is valid for an hour           |
        | never expires                  |
        | has no jti                     |
        | names another issuer           |
        | names an unknown client        |
        | was signed by another key      |
        | is signed with a shared secret |
        | is not signed                  |

    Scenario: An assertion is good for one token only
      Given the client asks for an access token
      When the client asks for an access token with an assertion that was used before
      Then it gets no token, because of invalid_client

    Scenario: The client exchanges its keys without anybody's help
      Given the client asks for an access token
      When the client exchanges its signing key
      And 6 seconds pass
      And the client asks for an access token
      Then the answer is 200
      And it gets a token for at most 60 minutes

    Scenario: A client that is revoked has no token any more
      Given the client asks for an access token
      When an administrator revokes the OAuth client of "acme"
      And the client sends GET "/Users"
      Then the answer is 401
      When the client asks for an access token
      Then it gets no token, because of invalid_client

    Scenario: What was given and refused is in the audit log
      Given the client asks for an access token
      And the client asks for an access token with an assertion that has expired
      When an administrator of "acme" runs "history list"
      Then it says "client.create"
      And it says "token.issue"
      And it says "the assertion does not hold"

  Rule: Users and groups as the profile asks

    Scenario: externalId and the primary e-mail address are kept, and found
      Given a user anna with:
        """
        "externalId": "e-{tag}", "emails": [{"value": "anna-{tag}@example.com", "type": "work", "primary": true}]
        """
      And a user ben
      When the client sends GET "/Users/{anna}"
      Then "/externalId" is "e-{tag}"
      And "/emails/0/primary" is true
      When the client filters Users by: userName eq "anna-{tag}"
      Then the list holds anna
      When the client filters Users by: externalId eq "e-{tag}"
      Then the list holds anna
      When the client filters Users by: emails[value eq "anna-{tag}@example.com"]
      Then the list holds anna

    Scenario: Groups are looked up without their members
      Given a user anna
      And a group team with:
        """
        "members": [{"value": "{anna}"}]
        """
      When the client sends GET "/Groups/{team}?excludedAttributes=members"
      Then the answer is 200
      And "/members" is not there

    Scenario: Members are added and removed by PATCH
      Given a user anna
      And a user ben
      And a group team
      When the client patches "/Groups/{team}" with:
        """
        {"op": "add", "path": "members", "value": [{"value": "{anna}"}, {"value": "{ben}"}]}
        """
      Then the answer is 204
      When the client patches "/Groups/{team}" with:
        """
        {"op": "remove", "path": "members[value eq \"{anna}\"]"}
        """
      And the client sends GET "/Groups/{team}"
      Then "/members" has 1 value
      And "/members/0/value" is "{ben}"

    Scenario: Who was deactivated can be reactivated
      Given a user anna
      When the client patches "/Users/{anna}" with:
        """
        {"op": "replace", "path": "active", "value": false}
        """
      Then "/active" is false
      When the client patches "/Users/{anna}" with:
        """
        {"op": "replace", "path": "active", "value": true}
        """
      Then "/active" is true

    Scenario: The name of somebody who was deleted is used again
      Given a user anna
      And the client sends DELETE "/Users/{anna}"
      When the client sends POST "/Users" with:
        """
        {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "anna-{tag}"}
        """
      Then the answer is 201

    Scenario: Pages by index, and by cursor
      Given 3 users
      When the client sends GET "/Users?startIndex=1&count=2"
      Then "/Resources" has 2 values
      When the client sends GET "/Users?count=2&cursor="
      Then "/Resources" has 2 values
      And "/nextCursor" is there

  Rule: Every endpoint has a limit, and says when to come again

    Scenario Outline: <method> <path>
      Given the server lets each key send 0.1 requests a second
      When the client sends GET "/Users"
      And the client sends <method> "<path>"
      Then the answer is 429
      And the header "Retry-After" is there

      Examples:
        | method | path                   |
        | GET    | /Users                 |
        | DELETE | /Users/x               |
        | GET    | /Groups                |
        | GET    | /ServiceProviderConfig |
        | GET    | /Schemas               |

  Rule: Every action, and what came of it, is in the audit log

    Scenario: A creation and a refusal
      Given a user anna
      When the client sends POST "/Users" with:
        """
        {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "anna-{tag}"}
        """
      Then the answer is 409
      When an administrator of "acme" runs "history list --outcome refused"
      Then it says "user.create"
