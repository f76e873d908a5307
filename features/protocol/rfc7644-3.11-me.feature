@rfc7644-3.11
Feature: /Me (Section 3.11 of RFC 7644)

  @should @rfc7644-3.11
  Scenario: /Me leads to the subject, or is not implemented
    When the client sends GET "/Me"
    Then the answer is 200 or 501
