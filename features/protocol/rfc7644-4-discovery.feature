@rfc7644-4
Feature: Discovery (Section 4 of RFC 7644, Sections 5 to 7 of RFC 7643)

  @must @rfc7643-5
  Scenario: The service provider's configuration
    When the client sends GET "/ServiceProviderConfig"
    Then the answer is 200
    And "/schemas/0" is "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"
    And "/patch/supported" is there
    And "/bulk/supported" is there
    And "/bulk/maxOperations" is there
    And "/bulk/maxPayloadSize" is there
    And "/filter/supported" is there
    And "/filter/maxResults" is there
    And "/changePassword/supported" is there
    And "/sort/supported" is there
    And "/etag/supported" is there

  @must @rfc7643-5
  Scenario: The service provider's configuration tells how to authenticate
    When the client sends GET "/ServiceProviderConfig"
    Then the answer is 200
    And "/authenticationSchemes/0/type" is there
    And "/authenticationSchemes/0/name" is there
    And "/authenticationSchemes/0/description" is there

  @must @rfc7643-6
  Scenario: The resource types
    When the client sends GET "/ResourceTypes"
    Then the answer is 200
    And "/schemas/0" is "urn:ietf:params:scim:api:messages:2.0:ListResponse"
    And "/Resources/0/endpoint" is there
    When the client sends GET "/ResourceTypes/User"
    Then the answer is 200
    And "/name" is "User"
    And "/endpoint" is "/Users"
    And "/schema" is "urn:ietf:params:scim:schemas:core:2.0:User"
    And "/meta/resourceType" should be "ResourceType"
    When the client sends GET "/ResourceTypes/Group"
    Then "/endpoint" is "/Groups"

  @must @rfc7643-7
  Scenario Outline: The schema <name>
    When the client sends GET "/Schemas/<id>"
    Then the answer is 200
    And "/id" is "<id>"
    And "/name" is there
    And "/attributes/0/name" is there
    And "/attributes/0/type" is there
    And "/attributes/0/multiValued" is there
    And "/attributes/0/required" is there
    And "/attributes/0/mutability" is there
    And "/attributes/0/returned" is there
    And "/meta/resourceType" should be "Schema"

    Examples:
      | name       | id                                                         |
      | User       | urn:ietf:params:scim:schemas:core:2.0:User                 |
      | Group      | urn:ietf:params:scim:schemas:core:2.0:Group                |
      | Enterprise | urn:ietf:params:scim:schemas:extension:enterprise:2.0:User |

  @must @rfc7644-3.12
  Scenario Outline: What is not there is 404: <path>
    When the client sends GET "<path>"
    Then the answer is 404

    Examples:
      | path                        |
      | /Schemas/urn:example:no     |
      | /ResourceTypes/Nonsense     |

  @should @rfc7644-4
  Scenario Outline: A filter is refused with 403 at <path>
    When the client sends GET "<path>?filter=id+pr"
    Then the answer is 403

    Examples:
      | path                   |
      | /Schemas               |
      | /ResourceTypes         |
      | /ServiceProviderConfig |

  @ours @rfc7644-4
  Scenario Outline: <path> cannot be changed
    HTTP has 405 for it; others answer 404.

    When the client sends DELETE "<path>"
    Then the answer is 405

    Examples:
      | path                   |
      | /Schemas               |
      | /ResourceTypes         |
      | /ServiceProviderConfig |

  Scenario Outline: Other parameters of a query are ignored: <parameter>
    When the client sends GET "/ServiceProviderConfig?<parameter>"
    Then the answer is 200
    When the client sends GET "/ResourceTypes?<parameter>"
    Then the answer is 200
    When the client sends GET "/Schemas?<parameter>"
    Then the answer is 200
    When the client sends GET "/Schemas/urn:ietf:params:scim:schemas:core:2.0:User?<parameter>"
    Then the answer is 200
    And "/attributes/0/name" is there

    @must @rfc7644-4
    Examples: of Section 3.4.2
      | parameter               |
      | count=100               |
      | startIndex=1            |
      | sortBy=id               |
      | sortOrder=descending    |

    @should @rfc7644-4
    Examples: of Section 3.9, and of RFC 9865
      | parameter               |
      | attributes=id           |
      | excludedAttributes=meta |
      | cursor                  |
