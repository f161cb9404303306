## The demo's own pages

demo-mailbox-title = デモ用のメールボックス
demo-mailbox-about = デモのお客様全員に届いたメールが、新しいものから並んでいます。実際の製品では、メールはお客様のメールアドレスへ送られます。
demo-mailbox-waiting = 送信を待っているメールが{ $count }通あります。
demo-mailbox-empty = メールはまだ届いていません。
demo-mailbox-to = 宛先
demo-refresh = 表示を更新する
demo-to-portal = ログイン画面へ
demo-to-mailbox = 届いたメールを見る
demo-to-phone = デモ用の携帯電話を開く
demo-phone-title = デモ用の携帯電話
demo-phone-about = このブラウザーを、デモのお客様の携帯電話として使います。「この携帯電話に入れる」は何度でも押せます。実際の製品では、トークンは一台の携帯電話にだけ、利用開始パスワードで設定されます。
demo-phone-small = 携帯電話の大きさのウィンドウで開く
demo-phone-app = 携帯電話のアプリを開く（ご自分で初期設定をする場合）
demo-phone-set-up = この携帯電話に入れる
demo-phone-working = 設定しています。
demo-phone-failed = 設定できませんでした。画面を更新して、もう一度お試しください。
demo-waiting = 利用開始待ち
demo-in-use = 利用中
demo-holder = { $name }（{ $login-id }）
