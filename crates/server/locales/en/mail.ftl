# Mails to customers. The subject is mail-…, the body mail-…-body.
# At most 70 columns a line; no links, no emoji.

mail-foot =
    ------------------------------
    Our staff will never ask you for a password or a
    one-time password.
    If you do not recognise this e-mail, please call us at once:
    { $emergency } (24 hours)
    Telephone { $emergency-phone }

    Questions:
    { $bank }, { $contact }
    Telephone { $phone } ({ $hours })
    Please do not reply: this address only sends e-mails.

mail-greeting = Dear { $name },

mail-procedure-issue = Issue of a token
mail-procedure-address = Change of e-mail address

mail-which-passcode = one-time password
mail-which-confirmation = confirmation password
mail-which-login = login password
mail-which-mail-password = mail password
mail-stopped-use = your access
mail-stopped-issue = the issue of tokens and the like
mail-stopped-password = the change of passwords
mail-stopped-stop = the emergency stop page

mail-code = [{ $bank }] Your mail password
mail-code-body =
    Here is your mail password.

    Mail password: { $secret }

    Procedure:   { $procedure }
    Sent:        { $sent-at }
    Valid until: { $valid-until }
    Reception number: { $reception }

    Please check that the time of sending shown on the page is the same
    as the one above, then enter the mail password on that page.
    It can no longer be used once you have logged out or once a newer
    e-mail has been sent.

    If you do not recognise this e-mail, someone else may be using your
    passwords. Tell nobody this number, and please call us at once.

mail-token = [{ $bank }] Your token: how to set it up
mail-token-body =
    Thank you for applying for a token.
    Please set it up on your mobile phone.

    Service ID: { $service }
    User ID:    { $user }
    Set up by:  { $deadline }
    Reception number: { $reception }

    What to do
    { $guide ->
        [none] 1. Open the app on your mobile phone. How to open it is explained on
        {"   "}the last page of the issue of the token and on our website, under
        {"   "}"One-time password".
       *[other] 1. Open the app on your mobile phone as explained here:
        {"   "}{ $guide }
    }
    2. Under "Set-up", enter the service ID and the user ID above
       and the start password that you chose.
    3. Return to your PC and carry out "Start using one-time passwords".

    Your start password is not written in this e-mail.

mail-issued = [{ $bank }] We have received your token application
mail-issued-body =
    We have received an application for a token as follows.

    Received: { $at }
    Sent to:  { $address } (mobile phone)
    Reception number: { $reception }

    If this was not you, please call us at once at the number below.
    We will cancel the issue of the token.

mail-activated = [{ $bank }] Your mobile phone has been set up
mail-activated-body =
    The set-up of your mobile phone is complete.

    Time: { $at }
    Reception number: { $reception }

    Next, please carry out "Start using one-time passwords" on your PC
    (by { $deadline }).

    If this was not you, please call us at once at the number below.

mail-started = [{ $bank }] You have started using one-time passwords
mail-started-body =
    You have started using one-time passwords.

    Time: { $at }
    Reception number: { $reception }

    From your next login on, you will need a one-time password.

    If this was not you, please call us at once at the number below.

mail-released = [{ $bank }] You have stopped using one-time passwords
mail-released-body =
    You have stopped using one-time passwords.

    Time: { $at }
    Reception number: { $reception }

    A new token can be issued from { $again-from }.

    If this was not you, please call us at once at the number below.

mail-expiring = [{ $bank }] Your token will soon reach its last day
mail-expiring-body =
    Your token will soon reach its last day.

    Valid until: { $date }
    Reception number: { $reception }

    After that day it shows no one-time passwords, and you cannot log in.
    Before then, please open "One-time password settings" on your PC,
    carry out "Stop using one-time passwords" and then "Issue a token".
    If you have any questions, please call the number below.

mail-expired = [{ $bank }] Your token has passed its last day
mail-expired-body =
    Your token has passed its last day, so its one-time passwords
    can no longer be used.

    Time: { $at }
    Reception number: { $reception }

    Please apply for a new one at your branch or at the desk below.

mail-locked-time = [{ $bank }] We have locked { $stopped } for a time
mail-locked-time-body =
    The { $which } was not entered correctly
    several times in a row, so we have locked
    { $stopped } until
    { $until }.
    After that you can use the service again without doing anything.

    Time: { $at }
    Reception number: { $reception }

    If this was not you, someone else may have used your passwords.
    Please call us at once at the number below.

mail-locked = [{ $bank }] We have locked { $stopped }
mail-locked-body =
    The { $which } was not entered correctly
    several times in a row, so we have locked
    { $stopped }.
    To use the service again, please contact your branch or the number
    below.

    Time: { $at }
    Reception number: { $reception }

    If this was not you, someone else may have used your passwords.
    Please call us at once at the number below.

mail-unlocked = [{ $bank }] The lock has been lifted
mail-unlocked-body =
    We have lifted the lock that followed wrong entries.

    Time: { $at }
    Reception number: { $reception }

    If you did not ask for this, please call us at once at the number
    below.

mail-issue-dead = [{ $bank }] The issue of your token has been cancelled
mail-issue-dead-start-password-body =
    The start password was not entered correctly several times in a row,
    so we have cancelled the issue of the token.

    Time: { $at }
    Reception number: { $reception }

    If you wish to use one-time passwords, please start again from
    "Issue a token" on your PC.

    If this was not you, someone else may have tried to set up the
    token. Please call us at once at the number below.
mail-issue-dead-deadline-body =
    The procedure was not completed in time, so we have cancelled
    the issue of the token.

    Time: { $at }
    Reception number: { $reception }

    If you wish to use one-time passwords, please start again from
    "Issue a token" on your PC.

    If you did not apply for a token, please call us at once at the
    number below.
mail-issue-dead-reissued-body =
    We have received an application for a new token, so the token issued
    before it has been cancelled.

    Time: { $at }
    Reception number: { $reception }

    The user ID you were given before can no longer be used. Please
    follow the e-mail about the new token and set up your mobile phone.

    If you did not apply for a new token, please call us at once at the
    number below.

mail-issue-dead-stopped-body =
    Everything has been stopped, so the issue of your token has been
    cancelled.

    Time: { $at }
    Reception number: { $reception }

    Once your access has been resumed, please apply for a token again
    on your PC.

    If this was not you, please call us at once at the number below.

mail-issue-dead-taken-back-body =
    We have cancelled the issue of your token.

    Time: { $at }
    Reception number: { $reception }

    If you would like to use one-time passwords, please apply for a
    token again on your PC.
    If you have questions, please call us at the number below.

mail-stopped = [{ $bank }] Your access has been stopped (emergency stop)
mail-stopped-body =
    As you asked, we have stopped your internet banking. To resume it,
    please visit your branch.

    Time: { $at }
    Reception number: { $reception }

    If this was not you, please call us at once at the number below.
mail-stopped-by-bank-body =
    For your safety we have stopped your internet banking. To resume it,
    please visit your branch.

    Time: { $at }
    Reception number: { $reception }

    If you have questions, please call us at the number below.

mail-password = [{ $bank }] Your password has been changed
mail-password-body =
    Your { $which } has been changed.

    Time: { $at }
    Reception number: { $reception }

    If this was not you, please call us at once at the number below.

mail-address-code = [{ $bank }] The number that confirms your e-mail address
mail-address-code-body =
    Here is the number that confirms this e-mail address.

    Confirmation number: { $secret }

    Sent:        { $sent-at }
    Valid until: { $valid-until }
    Reception number: { $reception }

    Please check that the time of sending shown on the page is the same
    as the one above, then enter the number on that page.

    If you do not recognise this e-mail, tell nobody this number, and
    please call us at once.

mail-address = [{ $bank }] Your registered e-mail addresses have changed
mail-address-changed-body =
    A registered e-mail address has been changed.

    Before: { $old }
    Now:    { $new }
    Time:   { $at }
    Reception number: { $reception }

    For 30 days we also send our notices to the address before.

    If this was not you, please call us at once at the number below.
mail-address-added-body =
    An e-mail address has been added.

    Added:  { $new }
    Time:   { $at }
    Reception number: { $reception }

    If this was not you, please call us at once at the number below.
mail-address-removed-body =
    A registered e-mail address has been removed.

    Removed: { $old }
    Time:    { $at }
    Reception number: { $reception }

    For 30 days we also send our notices to the removed address.

    If this was not you, please call us at once at the number below.

mail-second-phone = [{ $bank }] The issue of your token has been cancelled (set-up on another mobile phone)
mail-second-phone-body =
    The set-up was done on another mobile phone, so we have cancelled
    the issue of the token for your safety.

    Time: { $at }
    Reception number: { $reception }

    If this was not you, please call us at once at the number below.
