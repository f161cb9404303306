### The phone app and its guide, Japanese. Also sent to the app as /app/config.json:
### $bank, $contact, $phone, $emergency and $emergency-phone are filled in by the server; every other
### placeable stays as {name} and is filled in by
### the app: browser, count, date, days, deadline, minutes, number, reader, seconds, time, user.

## Everywhere

app-name = { $bank } ワンタイムパスワード
app-language = English
app-required = 【必須】
app-show = 入力した文字を表示する
app-hide = 入力した文字を隠す
app-back = 戻る
app-retry = もう一度試す
app-contact = お問い合わせ　{ $contact }
app-contact-phone = 電話 { $phone }
app-emergency = 紛失・盗難・お心当たりのないお手続きのとき　{ $emergency }（24時間）
app-emergency-phone = 電話 { $emergency-phone }

## Without a token

app-empty = この携帯電話には、トークンが登録されていません。
app-begin = 初期設定をはじめる
app-install = アプリを追加する
app-lost = この携帯電話に保存されていたトークンが見つかりません。ブラウザーの履歴やデータを消した場合、機種変更や復元をした場合に起こります。お手数ですが、{ $contact }（電話 { $phone }）へご連絡ください。

## Set-up

app-set-title = 初期設定
app-set-lead = トークン発行の完了画面、またはトークン発行用メールを見ながら入力してください。
app-scan = QRコードを読み取る
app-scan-open = カメラを開いています。
app-scan-lead = パソコンの画面に表示されている図を、枠の中に写してください。
app-scan-picture = カメラに写っている画面
app-scan-type = 番号を入力する
app-scan-other = この図は、{ $bank }のトークン発行のものではありません。
app-link-other = このリンクは、{ $bank }のトークン発行のものではありません。トークン発行用メールをご確認のうえ、番号を入力してください。
app-link-broken = リンクを読み取れませんでした。途中で切れていることがあります。お手数ですが、番号を入力してください。
app-carry = このリンクの番号は、ホーム画面に追加したアプリや別のブラウザーには引き継がれません。先に番号をコピーし、アプリの初期設定の画面で「{ app-paste }」を押してください。
app-carry-copy = サービスIDとユーザIDをコピーする
app-carry-copied = コピーしました。
app-carry-not = コピーできませんでした。番号をお控えください。
app-scan-denied = カメラを使えませんでした。「番号を入力する」を押し、サービスIDとユーザIDを入力してください。
app-paste = コピーした番号を貼り付ける
app-paste-done = サービスIDとユーザIDを貼り付けました。利用開始パスワードを入力してください。
app-paste-user = ユーザIDを貼り付けました。サービスIDも入力してください。
app-paste-service = サービスIDを貼り付けました。ユーザIDも入力してください。
app-paste-nothing = サービスIDとユーザIDが見つかりませんでした。番号を入力してください。
app-set-read = サービスIDとユーザIDを読み取りました。利用開始パスワードを入力してください。
app-set-service = サービスID
app-set-service-hint = 8桁の数字です。
app-set-user = ユーザID
app-set-user-hint = 12桁の数字です。
app-set-start = 利用開始パスワード
app-set-start-hint = お客様がトークン発行の画面でお決めになった、4～8桁の数字です。携帯電話の初期設定で一度だけ使います。
app-set-button = 設定する
app-set-working = 設定しています。画面を閉じずにお待ちください。
app-set-done = 初期設定が完了しました。
app-set-next = 発行のお手続きをした画面（パソコンなど）に戻り、「ワンタイムパスワード利用開始」のお手続きを行ってください（期限：{ $deadline }）。まだ利用は始まっていません。
app-set-home = このアプリを、ホーム画面に追加してください。追加しないと、しばらく使わなかったときにトークンが消えることがあります。
app-set-portal = この携帯電話でお手続きを続ける
app-set-already = このトークンは、この携帯電話に設定済みです。
app-set-open = ワンタイムパスワードを表示する

## What can go wrong

app-err-summary = 入力内容に確認が必要な項目が{ $count }件あります。下の項目を押すと、その入力欄へ移動します。
app-err-service-empty = サービスIDを入力してください。
app-err-user-empty = ユーザIDを入力してください。
app-err-start-empty = 利用開始パスワードを入力してください。
app-err-service = このサービスIDは、{ $bank }のものではありません。8桁の数字をご確認ください。
app-err-user = ユーザIDの数字に入力の誤りがあるようです。12桁の数字をもう一度ご確認ください。
app-err-start = 利用開始パスワードは、4桁以上8桁以下の数字で入力してください。
app-err-refused = 設定できませんでした。サービスID、ユーザID、利用開始パスワードをご確認ください。初期設定の期限を過ぎた場合や、新しいトークンを発行した場合も、この表示になります。続けて{ $count }回正しく入力されないと、このトークンは使えなくなり、発行からやり直しになります。
app-err-other-phone = このトークンは、別の携帯電話ですでに設定されていました。安全のため、発行を取り消しました。お心当たりがない場合は、すぐに{ $contact }（電話 { $phone }）へご連絡ください。
app-err-offline = 通信できませんでした。電波の届く場所で「もう一度試す」を押してください。入力した内容は残っています。
app-err-store = この携帯電話には、トークンを安全に保存できませんでした。設定は行われていません。プライベートブラウズや特別な保護設定をお使いの場合は、解除してからお試しください。
app-err-many = ただいまアクセスが集中しています。{ $minutes }分ほど待ってから、「もう一度試す」を押してください。入力した内容は残っています。
app-err-busy = ただいま、ご利用いただけません。しばらくしてから、「もう一度試す」を押してください。入力した内容は残っています。
app-err-failed = 申し訳ございません。設定を完了できませんでした。「もう一度試す」を押してください。何度もこの表示になるときは、{ $contact }（電話 { $phone }）へご連絡ください。

## The passcode

app-code-label = ワンタイムパスワード
app-code-left = あと{ $seconds }秒で切り替わります
app-code-soon = まもなく切り替わります。このまま入力しても、次の番号を待っても、どちらでもかまいません。
app-code-reader = ワンタイムパスワードは、{ $reader } です
app-code-show = 番号を表示する
app-code-hide = 番号を隠す
app-copy = 番号をコピーする
app-copied = コピーしました。1分後に消去します。
app-copy-not = コピーできませんでした。番号を入力してください。
app-code-valid = 有効期限　{ $date }
app-code-ended = このトークンの有効期限（{ $date }）が過ぎました。お手数ですが、{ $contact }（電話 { $phone }）へご連絡ください。
app-code-warn = 電話・メール・SMSで番号を聞かれても、教えないでください。
app-expiring = 有効期限まで、あと{ $days }日です。それまでに、インターネットバンキングの「ワンタイムパスワード設定」で「ワンタイムパスワード利用解除」のあと、もう一度「トークン発行」を行ってください。
app-tokens-title = トークンの選択
app-tokens-lead = ご利用になるトークンを押してください。
app-token = トークン{ $number }
app-token-user = ユーザID　{ $user }
app-stopped = 緊急停止などでご利用を停止しています。この番号は、今はお使いになれません。再開のお手続きは、お取引店または{ $contact }（電話 { $phone }）へお問い合わせください。
app-dead = このトークンは、再発行または利用解除により、使えなくなりました。削除してもかまいません。
app-dead-mark = 使えなくなりました
app-no-worker = この携帯電話では、電波の届かない場所でアプリを開けません。
app-details = トークンの設定
app-rename = トークンの表示名（例　お父さん用）
app-rename-hint = { $count }文字まで。空欄にすると、番号で表示します。
app-rename-save = 表示名を変える
app-rename-done = 表示名を変えました。
app-rename-long = 表示名は{ $count }文字以下で入力してください。
app-delete = このトークンを削除する
app-delete-ask = 削除すると元に戻せません。ワンタイムパスワードをご利用中の場合は、ログインできなくなります。削除しますか。
app-delete-ask-dead = 削除すると元に戻せません。このトークンは使えなくなっていますので、削除してもかまいません。削除しますか。
app-delete-really = 削除する
app-delete-not = 削除しない
app-err-keep = この携帯電話に保存できませんでした。もう一度お試しください。
app-add = トークン追加
app-add-full = 登録できるトークンは{ $count }個までです。さらに追加が必要な場合は、{ $contact }（電話 { $phone }）へご連絡ください。

## The clock

app-clock-ok = 携帯電話の時刻は合っています（{ $time }に確認）。
app-clock-fast = 携帯電話の時刻が、約{ $minutes }分進んでいます。番号は正しい時刻に合わせて表示していますが、電波の届かない場所では正しく表示できないことがあります。携帯電話の設定で「日付と時刻」の「自動設定」を入にしてください。
app-clock-slow = 携帯電話の時刻が、約{ $minutes }分遅れています。番号は正しい時刻に合わせて表示していますが、電波の届かない場所では正しく表示できないことがあります。携帯電話の設定で「日付と時刻」の「自動設定」を入にしてください。
app-clock-far = 携帯電話の日付または時刻が、大きくずれています。番号は正しい時刻に合わせて表示していますが、電波の届かない場所では正しく表示できないことがあります。携帯電話の設定で「日付と時刻」の「自動設定」を入にしてください。
app-clock-unknown = 通信できないため、時刻を確認できません。番号はこのままご利用いただけます。

## Settings, the lock number, updates

app-settings = アプリの設定
app-size = 文字サイズ
app-size-standard = 標準
app-size-large = 大
app-size-largest = 特大
app-hide-setting = ボタンを押すまで番号を隠す
app-lock-title = アプリのロック
app-lock-set = アプリのロック番号を設定する
app-lock-about = ロック番号は、ほかの人に番号を見られないようにするためのものです。設定しなくてもご利用いただけます。
app-lock-number = アプリのロック番号
app-lock-origin = この携帯電話でトークンを開くときに使う、お客様がお決めになる4～6桁の数字です。キャッシュカードの暗証番号とは別の番号にしてください。
app-lock-typed = お客様がお決めになった、4～6桁の数字です。
app-lock-waiting = あと{ $seconds }秒待ってから、入力してください。待っている間に入力した番号は、確認されません。
app-lock-again = アプリのロック番号（確認用）
app-lock-again-hint = 同じ番号をもう一度入力してください。
app-lock-on = アプリのロック番号を設定しています。やめるときは、番号を入力してください。
app-lock-remove = アプリのロック番号をやめる
app-lock-open = 開く
app-lock-form = アプリのロック番号は、4桁以上6桁以下の数字で入力してください。
app-lock-weak = 推測されやすい番号です。同じ数字の繰り返しや続き番号は避けてください。
app-lock-differs = 2つの番号が同じではありません。もう一度入力してください。
app-lock-wrong = ロック番号が違います。もう一度入力してください。
app-lock-wait = ロック番号が違います。{ $seconds }秒待ってから、もう一度入力してください。
app-lock-forgot = ロック番号をお忘れの場合、当行でもお調べできません。{ $contact }（電話 { $phone }）へご連絡ください。
app-update = アプリの新しい版があります。
app-update-now = 更新する
app-update-later = あとで

## The guide: installing the app

guide-lang = ja
guide-other-lang = en
guide-title = アプリのご案内
guide-lead = ワンタイムパスワードを表示するアプリを、携帯電話（スマートフォン）のホーム画面に追加します。アプリストアでのお手続きや料金は必要ありません。
guide-open = アプリを開く
guide-open-text = 携帯電話で「アプリを開く」を押し、開いた画面で次の操作を行ってください。
guide-ios = iPhone・iPad の場合
guide-ios-1 = 1　画面の下（または上）にある共有のしるし（四角から上に向かう矢印）を押します。
guide-ios-2 = 2　「ホーム画面に追加」を選び、右上の「追加」を押します。
guide-ios-3 = 3　この画面を閉じ、ホーム画面にできた「{ app-name }」を押して開きます。設定はそこから行います。
guide-pic-share = 画面の下の中央にある、共有のしるしの位置
guide-pic-add = ホーム画面に追加
guide-pic-home = ホーム画面に加わったアプリのしるし
guide-pic-install = 「インストール」ボタンの位置
guide-pic-install-word = インストール
guide-pic-menu = 画面の右上にある、メニューのしるしの位置
guide-android-title = Android の場合
guide-android = 「アプリを追加する」を押し、表示された画面で「インストール」を押してください。
guide-android-menu = 「アプリを追加する」が表示されないときは、ブラウザーのメニュー（点が3つのしるし）から「アプリをインストール」または「ホーム画面に追加」を選んでください。
guide-why = ホーム画面に追加しないまま設定すると、しばらく使わなかったときにトークンが消えることがあります。
guide-trouble = うまくいかないとき
guide-inapp = ほかのアプリの中で開いています。右上または右下のしるしから「{ $browser }で開く」を選んでください。
guide-private = プライベートブラウズ（シークレットモード）では設定できません。通常の画面で開き直してください。
guide-unsupported = この携帯電話またはブラウザーでは、ご利用いただけません。基本ソフト（iOS・Android）とブラウザーを新しいものにしても、この表示になるときは、{ $contact }（電話 { $phone }）へご連絡ください。ハードウェアトークンもお選びいただけます。
guide-old = アプリが開かないときは、携帯電話の基本ソフト（iOS・Android）とブラウザーを新しいものにしてください。ハードウェアトークンもお選びいただけます。
guide-warn = 当行の行員が、電話・メール・SMSなどで、パスワードやワンタイムパスワードをお尋ねすることは決してありません。
