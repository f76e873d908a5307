Feature: The guide, by clicking
  Both consoles beside each other, from the guide's first sentence to its last. The texts
  in quotes are its own.

  Rule: From its first sentence to its last

    Scenario: The guide's walk
      Given a sandbox

      # "In OneLogin, go to Applications. Click Add Application. Search for the 'Clarizen
      # SCIM' application. Click Add."
      When Ada signs in to the portal of the sandbox
      And she opens "Applications → Add Application"
      And she enters "Clarizen" as "Find Applications"
      And she clicks "Search"
      Then she sees "Clarizen SCIM"
      And a picture "01-add-application" is taken
      When she enters "acme" as "Name"
      And she clicks "Add"
      Then she sees "acme is added."

      # "The integration user requires at minimum Lite Admin privileges because it is used to
      # generate the API key."
      When Grace signs in to the console of the sandbox
      And she opens "acme → API keys"
      And she clicks "Create API key"
      Then she sees "The new API key, shown this once"
      And a picture "02-api-key" is taken
      And she remembers the key

      # "Enter the Base URL … Enter the SCIM Bearer Token … Click Enable to verify that the
      # connection is working."
      When Ada is at the window again
      And she enters the base URL as "Base URL"
      And she enters the key as "SCIM Bearer Token"
      And she enters "acme" as "Instance that the token must be for"
      And she clicks "Save and enable"
      Then she sees "Connected to the instance acme."
      And a picture "03-configuration" is taken

      # "Under the Provisioning tab, click Enable Provisioning. Define Create User, Delete
      # User, and Update User actions to define when an admin approval is required."
      When she opens "Provisioning"
      And she ticks "Enable Provisioning"
      And she ticks "Create User"
      And she clicks "Save"
      Then she sees "The settings are saved."
      And a picture "04-provisioning" is taken

      # "Under the Parameters tab, define, modify, and review the user's attributes."
      When she opens "Parameters"
      And she clicks "Delete department"
      Then she sees "The parameter department is saved."
      When she enters "groups" as "Parameter"
      And she ticks "of the parameter groups: include in user provisioning"
      And she clicks "Save parameter"
      Then she sees "included in user provisioning"
      And a picture "05-parameters" is taken
      When she opens "Rules"
      And she enters "A group for each team" as "Name"
      And she chooses "set a group for each role that matches" as "then"
      And she enters "Team .*" as "groups, with commas between, or a pattern"
      And she clicks "Add rule"
      Then she sees "The rule A group for each team is added."

      # "In Clarizen, log in with an admin account, and go to Settings → Extensions. Locate
      # the User Provisioning section. Click Setup."
      When Grace is at the window again
      And she opens "Custom fields"
      And she enters "Department" as "Title"
      And she enters "department" as "Name"
      And she clicks "Add field"
      Then she sees "The field Department is added."
      When she opens "Extensions → Setup"
      And she clicks "Add New Mapping"
      And she enters "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department" as "Attribute of row 9"
      And she chooses "Department" as "Field of row 9"
      And she clicks "Save"
      Then she sees "The mapping is saved."
      And a picture "06-setup" is taken

      # "For the “Title” attribute, there is a dedicated standard field (“Scim Sync Job
      # Title”) … it can trigger a workflow rule, which will further link the corresponding
      # user to the desired object."
      When she opens "Workflow rules"
      And she enters "job titles" as "Name"
      And she chooses "Scim Sync Job Title" as "When this field"
      And she chooses "link to it, and create it if it is missing, of type" as "then"
      And she enters "job-title" as "type, group or field"
      And she clicks "Add rule"
      Then she sees "The rule “job titles” is added."
      And a picture "07-rules" is taken

      # "At this stage, you can select which users … will be provisioned." "We recommend
      # starting small in a controlled environment."
      When Ada is at the window again
      And she opens "Access"
      And she ticks "Pilot (26)"
      And she clicks "Save"
      Then she sees "26 people are assigned."
      When she opens "Users → Run a cycle"
      And she clicks "Run"
      And she waits until it is done
      Then she sees "waiting for approval"
      When she opens "Users of acme"
      Then she sees "26 waiting for approval"
      And a picture "08-pending" is taken
      When she ticks "all of the page"
      And she clicks "Approve"
      Then she sees "approved; the next sync does it."
      When she opens "Run a cycle"
      And she clicks "Run"
      And she waits until it is done
      Then she sees "picked up"
      And she sees "created"
      And a picture "09-cycle" is taken

      # "To have OneLogin provision these existing users when you switch to cloud-based user
      # provisioning …"
      When Grace is at the window again
      And she opens "Users"
      And she enters "liam.smith" as "Search"
      Then she sees only "Liam Smith" of "Liam Smith"
      When she opens "Liam Smith"
      Then she sees "managed by the provider"
      And she sees "job-title: Head of IT"
      And she sees "Team IT"

      # "When a synced user is suspended in OneLogin, suspend such a user in Clarizen. When a
      # synced user is deleted from OneLogin, delete such a user in Clarizen."
      When Ada is at the window again
      And she opens "Users"
      And she enters "katie.nguyen" as "Search"
      Then she sees "katie.nguyen@acme.example"
      When she opens "Katie Nguyễn"
      And she clicks "Suspend"
      Then she sees "The person is suspended."
      When she opens "Applications → acme → Run a cycle"
      And she clicks "Run"
      And she waits until it is done
      Then she sees "suspended" beside "katie.nguyen@acme.example"

      # "However if the User Name already exists in another Clarizen instance, the process will
      # fail and the user will not be created."
      When she opens "Applications → acme → Access"
      And she enters "grace.virtanen@acme.example" as "Users by name, one on a line"
      And she clicks "Save"
      And she opens "Users → Run a cycle"
      And she clicks "Run"
      And she waits until it is done
      And she opens "Users of acme"
      And she ticks "grace.virtanen@acme.example"
      And she clicks "Approve"
      And she opens "Run a cycle"
      And she clicks "Run"
      And she waits until it is done
      Then she sees "conflict" beside "grace.virtanen@acme.example"
      When she opens "grace.virtanen@acme.example"
      Then she sees "Act"
      And she sees "409"
      And a picture "10-conflict" is taken

      # "To monitor/debug the user provisioning process, go to Change History in Clarizen
      # settings."
      When Grace is at the window again
      And she opens "Change History"
      And she chooses "refused" as "Outcome"
      And she clicks "Filter"
      Then she sees "grace.virtanen@acme.example"
      And a picture "11-history" is taken

      # The account's file stays the truth, with its comments.
      When Ada is at the window again
      And she opens "Changes of the files"
      Then she sees "+ - name: acme"
      And the file "account.yaml" of the sandbox has "# The sample company's account at the identity provider."
      And the file "account.yaml" of the sandbox has not "muster_acme"

    Scenario: "Make sure you use the right key in each application"
      Given a sandbox with the sample's application
      When Grace signs in to the console of the sandbox
      And she opens "globex → API keys"
      And she clicks "Create API key"
      And she remembers the key
      And Ada signs in to the portal of the sandbox
      And she opens "acme"
      And she enters the key as "SCIM Bearer Token"
      And she clicks "Save and enable"
      Then she sees "acme is not connected:"
      And she sees "globex"
