### The phone app and its guide, English. Also sent to the app as /app/config.json:
### $bank, $contact, $phone, $emergency and $emergency-phone are filled in by the server; every other
### placeable stays as {name} and is filled in by
### the app: browser, count, date, days, deadline, minutes, number, reader, seconds, time, user.

## Everywhere

app-name = { $bank } One-Time Password
app-language = 日本語
app-required = (required)
app-show = Show what you typed
app-hide = Hide what you typed
app-back = Back
app-retry = Try again
app-contact = Questions: { $contact }
app-contact-phone = Telephone { $phone }
app-emergency = Loss, theft, or anything that you did not do yourself: { $emergency } (24 hours)
app-emergency-phone = Telephone { $emergency-phone }

## Without a token

app-empty = There is no token on this phone.
app-begin = Begin the set-up
app-install = Add the app
app-lost = The token that was kept on this phone cannot be found. This happens when the browser's history or data was cleared, or after a change or restore of the phone. Please call our { $contact } (telephone { $phone }).

## Set-up

app-set-title = Set-up
app-set-lead = Please enter what is shown on the last page of “Issue of a token”, or in the e-mail about the token.
app-scan = Scan the QR code
app-scan-open = Opening the camera.
app-scan-lead = Please hold the phone so that the code on the PC is in the picture.
app-scan-picture = What the camera sees
app-scan-type = Type the numbers
app-scan-other = This code does not belong to the issue of a token of { $bank }.
app-link-other = This link does not belong to a token issued by { $bank }. Please look at the token mail and enter the numbers.
app-link-broken = The link could not be read; it may have been cut off. Please enter the numbers.
app-carry = The app on your home screen, or another browser, will not know the numbers of this link. Please copy them first, and press “{ app-paste }” when you set up the app.
app-carry-copy = Copy the service ID and user ID
app-carry-copied = Copied.
app-carry-not = They could not be copied. Please write the numbers down.
app-scan-denied = The camera cannot be used. Please press “Type the numbers” and enter the service ID and the user ID.
app-paste = Paste copied numbers
app-paste-done = The service ID and the user ID have been pasted. Please enter your start password.
app-paste-user = The user ID has been pasted. Please enter the service ID too.
app-paste-service = The service ID has been pasted. Please enter the user ID too.
app-paste-nothing = No service ID and user ID were found. Please type the numbers.
app-set-read = The service ID and the user ID have been read. Please enter the start password.
app-set-service = Service ID
app-set-service-hint = 8 digits.
app-set-user = User ID
app-set-user-hint = 12 digits.
app-set-start = Start password
app-set-start-hint = The 4 to 8 digits that you chose on the page “Issue of a token”. You need them once, for this set-up.
app-set-button = Set up
app-set-working = Setting up. Please keep this page open and wait a moment.
app-set-done = The set-up is complete.
app-set-next = Please return to the page on which the token was issued (on your PC or this phone) and carry out “Start using one-time passwords” by { $deadline }. You are not using one-time passwords yet.
app-set-home = Please add this app to the home screen. Without that the token may vanish when it has not been used for a while.
app-set-portal = Continue on this phone
app-set-already = This token has already been set up on this phone.
app-set-open = Show the one-time password

## What can go wrong

app-err-summary = Please check what you entered. Items: { $count }. Press an item below to go to its field.
app-err-service-empty = Please enter the service ID.
app-err-user-empty = Please enter the user ID.
app-err-start-empty = Please enter the start password.
app-err-service = This service ID does not belong to { $bank }. Please check its 8 digits.
app-err-user = There seems to be a slip in the user ID. Please check its 12 digits once more.
app-err-start = Please enter 4 to 8 digits as the start password.
app-err-refused = The set-up could not be done. Please check the service ID, the user ID and the start password. This is also shown when the deadline for the set-up has passed or a newer token has been issued. After { $count } wrong entries in a row this token can no longer be used, and you would have to begin again with “Issue a token”.
app-err-other-phone = This token had already been set up on another phone. For your safety we have cancelled its issue. If this was not you, please call our { $contact } (telephone { $phone }) at once.
app-err-offline = There was no connection. Where there is a signal, please press “Try again”. What you typed is still here.
app-err-store = The token cannot be kept safely on this phone. Nothing has been set up. If you use private browsing or a special protection mode, please switch it off and try again.
app-err-many = We are receiving very many requests. Please wait about { $minutes } min and press “Try again”. What you typed is still here.
app-err-busy = The service is not available at the moment. Please press “Try again” in a while. What you typed is still here.
app-err-failed = We are sorry: the set-up could not be completed. Please press “Try again”. If you see this repeatedly, please call our { $contact } (telephone { $phone }).

## The passcode

app-code-label = One-time password
app-code-left = Changes in { $seconds } s
app-code-soon = It is about to change. You may still enter this one, or wait for the next; either is fine.
app-code-reader = The one-time password is { $reader }
app-code-show = Show the number
app-code-hide = Hide the number
app-copy = Copy the number
app-copied = Copied. It will be cleared in a minute.
app-copy-not = It could not be copied. Please type the number.
app-code-valid = Valid until { $date }
app-code-ended = This token was valid until { $date }. Please call our { $contact } (telephone { $phone }).
app-code-warn = If anyone asks for this number by telephone, e-mail or text message, do not tell them.
app-expiring = Days until the end of validity: { $days }. Before then, please open “One-time password settings” in Internet banking, and carry out “Stop using one-time passwords” and then “Issue a token”.
app-tokens-title = Choose a token
app-tokens-lead = Please press the token you want to use.
app-token = Token { $number }
app-token-user = User ID { $user }
app-stopped = The use has been stopped, for example by an emergency stop. This number cannot be used now. To resume, please ask your branch or our { $contact } (telephone { $phone }).
app-dead = This token can no longer be used, because another was issued or its use was ended. You may delete it.
app-dead-mark = Can no longer be used
app-no-worker = On this phone the app cannot be opened without a signal.
app-details = Settings of this token
app-rename = Name of the token (for example: Dad)
app-rename-hint = Up to { $count } characters. Leave it empty to show a number.
app-rename-save = Change the name
app-rename-done = The name has been changed.
app-rename-long = Please enter { $count } characters or fewer.
app-delete = Delete this token
app-delete-ask = A deleted token cannot be brought back. If it is in use, you will not be able to log in. Delete it?
app-delete-ask-dead = A deleted token cannot be brought back. This one can no longer be used, so you may delete it. Delete it?
app-delete-really = Delete it
app-delete-not = Do not delete it
app-err-keep = It could not be kept on this phone. Please try again.
app-add = Add a token
app-add-full = At most { $count } tokens can be kept. If you need one more, please call our { $contact } (telephone { $phone }).

## The clock

app-clock-ok = The phone's time is right (checked at { $time }).
app-clock-fast = The phone's clock is about { $minutes } min ahead. The number is shown by the right time, but without a signal it may be wrong. Please switch on the automatic setting of date and time in the phone's settings.
app-clock-slow = The phone's clock is about { $minutes } min behind. The number is shown by the right time, but without a signal it may be wrong. Please switch on the automatic setting of date and time in the phone's settings.
app-clock-far = The phone's date or time is far off. The number is shown by the right time, but without a signal it may be wrong. Please switch on the automatic setting of date and time in the phone's settings.
app-clock-unknown = Without a connection the time cannot be checked. You can use the number as it is.

## Settings, the lock number, updates

app-settings = Settings of the app
app-size = Text size
app-size-standard = Standard
app-size-large = Large
app-size-largest = Largest
app-hide-setting = Hide the number until a button is pressed
app-lock-title = The app is locked
app-lock-set = Set a lock number for the app
app-lock-about = A lock number keeps others from reading the number on the screen. You can use the app without one.
app-lock-number = Lock number of the app
app-lock-origin = 4 to 6 digits that you choose and enter to open the app on this phone. Please do not use the PIN of your cash card.
app-lock-typed = The 4 to 6 digits that you chose yourself.
app-lock-waiting = Please wait { $seconds } more seconds before you enter it. A number entered while you wait is not checked.
app-lock-again = Lock number of the app (again)
app-lock-again-hint = Please enter the same number once more.
app-lock-on = A lock number is set. To remove it, please enter it.
app-lock-remove = Remove the lock number
app-lock-open = Open
app-lock-form = A lock number has 4 to 6 digits.
app-lock-weak = This number is easily guessed. Please avoid repeated digits and digits in sequence.
app-lock-differs = The two numbers are not the same. Please enter it again.
app-lock-wrong = The lock number is not correct. Please enter it again.
app-lock-wait = The lock number is not correct. Please wait { $seconds } seconds and enter it again.
app-lock-forgot = If you have forgotten it, we cannot look it up either. Please call our { $contact } ({ $phone }).
app-update = There is a new version of the app.
app-update-now = Update
app-update-later = Later

## The guide: installing the app

guide-lang = en
guide-other-lang = ja
guide-title = About the app
guide-lead = Add the app that shows your one-time passwords to the home screen of your mobile phone (smartphone). It needs no app store and costs nothing.
guide-open = Open the app
guide-open-text = On your mobile phone, press “Open the app”, then do the following on the page that opens.
guide-ios = On an iPhone or iPad
guide-ios-1 = 1. Press the share sign (a square with an arrow pointing up) at the bottom or top of the screen.
guide-ios-2 = 2. Choose “Add to Home Screen”, then press “Add” at the top right.
guide-ios-3 = 3. Close this page and open “{ app-name }” from your home screen. The set-up is done there.
guide-pic-share = Where the sign for sharing is, at the bottom of the screen
guide-pic-add = Add to Home Screen
guide-pic-home = The sign of the app on the home screen
guide-pic-install = Where the button “Install” is
guide-pic-install-word = Install
guide-pic-menu = Where the sign of the menu is, at the top right
guide-android-title = On Android
guide-android = Press “Add the app”, then “Install” in the window that appears.
guide-android-menu = If “Add the app” does not appear, open the browser's menu (the sign with three dots) and choose “Install app” or “Add to Home screen”.
guide-why = If you set up without adding the app to the home screen, the token may vanish when it has not been used for a while.
guide-trouble = If something does not work
guide-inapp = This page is open inside another app. Press the sign at the top or bottom right and choose “Open in { $browser }”.
guide-private = The set-up does not work in private browsing (incognito mode). Please open the page in a normal window.
guide-unsupported = This phone or browser cannot be used. If you still see this after updating its system (iOS or Android) and its browser, please call our { $contact } (telephone { $phone }). You may also choose a hardware token.
guide-old = If the app does not open, please update the phone's system (iOS or Android) and its browser. You may also choose a hardware token.
guide-warn = Our staff never ask for your passwords or one-time passwords, be it by telephone, e-mail or text message.
