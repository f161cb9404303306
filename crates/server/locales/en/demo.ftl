## The demo's own pages

demo-mailbox-title = Mailbox of the demo
demo-mailbox-about = The mails of all customers of the demo, newest first. In the real product they go to the customers' own addresses.
demo-mailbox-waiting = { $count } mails are waiting to be sent.
demo-mailbox-empty = No mail has arrived yet.
demo-mailbox-to = To
demo-refresh = Refresh
demo-to-portal = To the login page
demo-to-mailbox = Read the mail that has arrived
demo-to-phone = Open the demonstration phone
demo-phone-title = Demonstration phone
demo-phone-about = This browser becomes the phone of a customer of the demo. “Put it on this phone” can be pressed as often as you like. In the real product a token is set up on one phone only, with the start password.
demo-phone-small = Open in a window of a phone’s size
demo-phone-app = Open the phone app (to set a token up yourself)
demo-phone-set-up = Put it on this phone
demo-phone-working = Setting up.
demo-phone-failed = That did not work. Refresh the page and try again.
demo-waiting = waiting for the start of use
demo-in-use = in use
demo-holder = { $name } ({ $login-id })
