# 客服同仁在 Slack 裡讀到的每一句話，繁體中文（台灣）。鍵與變數須與 en-US.ftl 完全相同，由測試檢查。
# 用語：reply 回覆、draft 草擬、request 請求、hint 提示、channel 頻道、thread 討論串、agent 客服。標點用全形，中英文之間空一格。
# 長度上限：button-* 75 字，modal-title、modal-submit、modal-close 24 字，reason-* 75 字，placeholder 150 字。

# 列舉的項目之間，以及名稱與內容之間。
list-comma = 、
colon = ：

on-their-way = 正在草擬 { $count } 則回覆，只有你看得到。

usage =
    {"*"}替客戶的訊息草擬回覆，只有你看得到。*
    • `/suggest 客戶的訊息`：幾則候選回覆，只有你看得到
    • `/suggest 客戶的訊息 // 短一點，可以退款`：附上提示，說明該怎麼寫
    • `/suggest last`：再看一次你最近一個還沒決定的請求
    • 客戶訊息的 ⋮ 選單裡的「Suggest replies」：替那則訊息或整個討論串草擬
    • 在討論串裡，客戶訊息下方：提及我
    • 在與我的私訊裡：把客戶的訊息傳給我
    • 輸入框旁 ⚡ 裡的「Suggest replies」：貼上訊息來草擬
    • 管理員專用：`/suggest pause` 與 `/suggest resume` 暫停與恢復草擬，`/suggest export` 把選擇紀錄匯出成檔案
    • `/suggest help`：顯示這段說明

export-title = 匯出選擇紀錄
export-submit = 匯出
export-what = 檔案包含這個工作區的請求、候選回覆與選擇，以及客戶與客服人員所寫的內容。檔案會以私訊傳給你，系統也會記錄是你匯出的。
export-range = 匯出哪些請求
export-range-7 = 最近 7 天
export-range-30 = 最近 30 天
export-range-90 = 最近 90 天
export-range-365 = 最近 365 天
export-range-all = 全部
export-form = 格式
export-form-csv = CSV，適合試算表
export-form-jsonl = JSON Lines，完整內容
export-form-parquet = Parquet，具欄位型別
export-form-trl = 偏好配對（TRL）
export-form-kto = 標記過的回覆（KTO）
export-form-openai = 偏好配對（OpenAI）
export-form-sft = 對話（SFT）
export-form-vw = Vowpal Wabbit
export-names = 人員與頻道
export-names-ids = Slack 的 ID
export-names-pseudonyms = 化名
export-begun = 檔案正在產生，完成後會以私訊傳給你。
export-comment = 你要的選擇紀錄：{ $count } 筆請求。
export-done = 匯出完成：{ $count } 筆請求。檔案在你與這個機器人的私訊裡。
export-nothing = 沒有可匯出的內容：這段時間內沒有任何請求。請再輸入一次 `/suggest export`，選擇較長的時間。
export-empty = 這段時間的 { $count } 筆請求，用這種格式都沒有可匯出的內容。請再輸入一次 `/suggest export`，選擇 CSV 或 JSON Lines。
export-busy = 目前已經有一份檔案正在匯出，請等它完成後再試。
export-too-large = 匯出檔超過 Slack 可接受的 1 GB。請選擇較短的時間，或請負責維護這個機器人的人在伺服器上執行 `suggest export`。
export-failed = 匯出檔無法寫入，沒有傳送任何內容。請再試一次；如果又發生，請告訴負責維護這個機器人的人，日誌裡有原因。
export-missing-scope = 匯出檔無法傳送：機器人缺少 `files:write` 或 `im:write` 權限。請負責維護的人加上權限，再重新安裝應用程式。
export-dm-closed = 匯出檔無法傳送：Slack 不允許機器人傳私訊給你。請先開啟與它的私訊，再輸入一次 `/suggest export`。
export-not-uploaded = 匯出檔已寫好，但 Slack 沒有收下檔案，因此已將它刪除。請稍等一分鐘再試。
export-not-opened = Slack 沒有打開匯出的視窗。請再輸入一次 `/suggest export`。
pause-done = 已全面暫停草擬。輸入 `/suggest resume` 即可恢復；已經顯示的回覆仍可使用。
pause-was = 草擬已經是暫停狀態。輸入 `/suggest resume` 即可恢復。
resume-done = 已恢復草擬。
resume-was = 草擬原本就沒有暫停。
paused = 管理員已暫停這個機器人，目前不會草擬任何回覆。請稍後再試，或詢問工作區管理員。
not-allowed = 只有管理員可以這麼做，請洽{ $who }。
helpers-named = {" "}{ $names } 或這個工作區的管理員
helpers-admins = 這個工作區的管理員
barred-guest = 訪客不能使用這個機器人，只有這個工作區的成員可以。請洽{ $who }代為處理。
barred-stranger = 只有這個機器人所屬工作區的成員可以使用它。
barred-deactivated = 這個帳號已停用，不能使用這個機器人。
barred-usergroup = 只有特定的使用者群組可以使用這個機器人，而你不在其中。請洽{ $who }把你加進去。
barred-unknown = 目前無法向 Slack 確認你能不能使用這個機器人。請過一分鐘再試；如果還是一樣，請洽{ $who }。
barred-scope = 只有特定的使用者群組可以使用這個機器人，但它沒有權限讀取群組成員。請洽{ $who }，加上 `usergroups:read` 權限範圍並重新安裝應用程式。
barred-place = 這個頻道不能使用這個機器人，沒有任何變動。請洽{ $who }，詢問哪裡可以使用，或請他們開放這個頻道。
barred-title = 無法使用
still-drafting = 你的回覆還在草擬。請稍等一下，再輸入 `/suggest last`。
no-open-request = 最近 24 小時內，沒有等你決定的請求。輸入 `/suggest` 加上客戶的訊息，就能取得回覆。

colleague-is-at-it = { $who } 剛才也為同一則訊息草擬了回覆，還沒決定。請先說好由誰回覆。
colleague-came = { $who } 也剛為同一則訊息草擬回覆。請先說好由誰回覆。

stale = 這則回覆草擬之後，討論串裡又多了 { $newer } 則訊息。送出前請先看一下。
unchecked = 無法向 Slack 確認討論串在草擬之後有沒有新訊息，送出前請先看一下。

for-message = 客戶訊息：{ $message }
with-hint = 提示：{ $hint }
reply-label = 回覆 { $position }・{ $style }
cut-off = 未寫完：已達模型的長度上限
reply-cut = 還有 { $left } 個字沒有顯示。按「顯示全文」可以看到整則回覆，按「使用」會送出整則。
unfilled = 送出前請把 { $placeholders } 換成實際內容：機器人不知道這裡該填什麼。
source-list = { $count ->
   *[other] 來源：
}
source-none = 沒有來源
source-internal = 內部資料
source-earlier = 先前的回覆
source-used = 先前用過 { $count } 次
source-more = 另外還有 { $count } 個
source-title = 來源
source-gone = 回覆草擬之後，這份資料已經移除。
source-changed = 回覆草擬之後，這份資料已經修改。目前的內容：
source-cut = 其餘內容不在這裡顯示。
source-forgotten = 這則回覆的來源已過期。
source-not-opened = Slack 沒有打開來源。請再按一次「查看來源」。
confirm-title = 引用了內部資料
confirm-text = 這則回覆參考了僅供團隊內部使用的資料。請先從頭看過，確認沒有不能透露的內容。
confirm-yes = 繼續
only-you = 只有你看得到。由 AI 模型撰寫，送出前請先看過。
demonstration = 尚未設定模型：以下是範例回覆。
candidates-fallback = { $count } 則只有你看得到的回覆
place = 回覆 { $position }
drafting = 草擬中…
place-failed = 回覆 { $position }・草擬失敗：{ $reason }
place-below = 回覆 { $position }・{ $style }・內容較長，另外放在下方的訊息裡
board-moved = Slack 無法在這裡顯示回覆，改以另外的訊息傳給你。
board-not-taken = Slack 無法在這裡顯示回覆。請輸入 `/suggest last` 查看。
place-hidden = 回覆 { $position }・與另一則幾乎相同，已隱藏
in-thread = 關於<{ $link }|這段對話>
drafts-failed = { $count } 則草稿中有 { $failed } 則失敗：{ $reasons }
drafts-hidden = 已隱藏 { $hidden } 則幾乎相同的草稿

button-use = 使用
button-edit = 編輯
button-expand = 顯示全文
button-source = 查看來源
button-copy = 複製
button-translate = 翻譯給我看
button-redraft = 再來幾則
button-dismiss = 都不合用
button-anyway = 仍要使用
button-anew = 重新草擬
button-undo = 復原
button-again = 再試一次
button-post = 送出
label-use = 使用回覆 { $position }
label-edit = 編輯回覆 { $position }
label-expand = 顯示回覆 { $position } 的全文
label-source = 查看回覆 { $position } 的來源
label-copy = 複製回覆 { $position }
label-translate = 翻譯回覆 { $position } 給我看

steer-shorter = 短一點
steer-warmer = 親切一點
steer-more_formal = 正式一點
steer-other_language = 換成其他語言
steer-more_like_this = 再來幾則類似的
steered = 由其中一則回覆改寫：{ $change }
language-customers = 客戶使用的語言
language-title = 換成其他語言
language-submit = 草擬
language-label = 語言

modal-replies-title = 建議回覆
paste-message = 客戶的訊息
paste-hint = 提示：該怎麼寫
paste-submit = 草擬回覆
modal-title = 編輯回覆
modal-submit = 送出
modal-submit-copy = 完成
modal-close = 取消
whole-title = 回覆 { $position }
whole-not-opened = Slack 沒有開啟這則回覆。請再按一次「顯示全文」。
copy-not-opened = Slack 沒有打開這則回覆。請再按一次「複製」。
copy-where = 全選後複製即可。這裡不會送出任何內容，修改也不會保留。
translation-title = 譯文
translating = 翻譯中…
translation-what = 僅供閱讀，不會送出。由 AI 模型翻譯，重要的內容請再確認。
translation-of = 回覆原文：
translation-failed = 這則回覆沒有翻譯：{ $reason }。{ $what_to_do }
translation-not-shown = Slack 沒有顯示譯文。請再按一次「翻譯給我看」。
modal-copy-title = 複製回覆
modal-copy-close = 關閉
modal-input = 回覆
modal-where = 按下「送出」後，會立刻送進對話。
modal-submit-anyway = 仍要送出
modal-where-anyway = 按下「仍要送出」會送出你寫的內容。若要重新草擬，請按「取消」。
modal-where-copy = 按下「完成」後，會立刻顯示給你複製。
modal-not-opened = Slack 沒有及時打開視窗，所以回覆放在這裡。
paste-not-opened = Slack 沒有及時打開視窗。請再選一次捷徑。
nothing-said = 那則訊息沒有可以回覆的文字，所以沒有草擬。
mention-outside = 請在討論串裡、客戶的訊息下方提及我：我會閱讀討論串，並提供只有你看得到的候選回覆。在討論串以外，請輸入 `/suggest` 加上客戶的訊息，或使用訊息的選單。
greeting-direct = 你好！我會草擬幾則回覆讓你挑選。這些內容由 AI 模型撰寫，可能有誤，傳送前請先讀過。
prompts-title = 想做什麼呢？
prompt-example = 用範例草擬回覆
prompt-message-example = 你好，我十天前訂了一盞燈，到現在還沒收到，請問到哪裡了？ // 先道歉，簡短一點
prompt-help = 這要怎麼用？
prompt-message-help = help
usage-direct =
    {"*"}把客戶的訊息傳給我，我就在那則訊息的討論串裡草擬回覆。*
    提示寫在兩條斜線之後：`我的訂單在哪裡？ // 短一點，可以退款`。你在這裡使用的回覆不會送到任何地方，請自行複製。
thread-missing_scope = 只讀了這一則訊息：這個機器人沒有權限閱讀這裡的對話。負責維護這個機器人的人可以補上缺少的權限範圍（channels:history、groups:history），再重新安裝應用程式。
thread-no_member = 只讀了這一則訊息，沒有讀整個討論串：這個機器人不是這個頻道的成員。用 `/invite` 邀請它，它就能閱讀整個討論串。
thread-unreadable = 只讀了這一則訊息：Slack 沒有提供整個討論串。
unread-missing_scope = 沒有草擬任何回覆：這個機器人沒有權限閱讀這裡的對話。負責維護這個機器人的人可以補上缺少的權限範圍（`channels:history`、`groups:history`），再重新安裝應用程式。
unread-no_member = 沒有草擬任何回覆：這個機器人不是這個頻道的成員，讀不到討論串。用 `/invite` 邀請它加入，再提及它一次。
unread-unreadable = 沒有草擬任何回覆：Slack 沒有提供這個討論串。請過一分鐘再提及我一次。
thread-partial = Slack 只提供了這個討論串的一部分，最新的訊息可能不在其中。送出回覆前，請先看過討論串。
thread-headings = 這裡有些訊息，我只讀得到標題或檔名。送出回覆前，請先看過討論串。
unread-partial = 沒有草擬任何回覆：Slack 只提供了這個討論串的一部分，裡面沒有客戶說的話。請過一分鐘再試一次。
unread-headings = 沒有草擬任何回覆：我只讀得到那裡的標題、檔名或附註，讀不到客戶說的話。請複製客戶的訊息，用 `/suggest` 傳給我。
editor-not-opened = Slack 沒有打開編輯視窗。請再按一次「編輯」。
languages-not-opened = Slack 沒有打開語言選單。請再選一次。
too-long-to-edit = 這則回覆太長，無法在這裡編輯。請複製到你習慣的地方編輯，再自行送出。

posted = ✓ 已送到 <#{ $channel }>：「{ $text }」
posted-edited = ✓ 你編輯過的回覆已送到 <#{ $channel }>：「{ $text }」
posted-link = <{ $link }|查看訊息>
to-copy = 你的回覆，請複製：
not-posted = Slack 不讓這個機器人在那個對話裡發言，所以回覆沒有送出。請從這裡複製，或請對話中的成員邀請機器人加入：
drafting-interrupted = 機器人的資料庫暫時無法儲存。恢復之後，回覆就會送到你這裡。
not-posted-archived = 這個頻道已封存，所以回覆沒有送出。請從這裡複製：
delivery-interrupted = 你的選擇已經儲存，但之後機器人的資料庫無法運作。請看一下對話：如果回覆還沒出現，資料庫恢復後會補送。
may-be-posted = Slack 沒有確認這則回覆，它可能已經送出了。請看一下對話，如果沒有出現，再按「送出」。
dismissed = 已記下：都不合用。方便的話，請告訴我們原因：
reason-placeholder = 為什麼不合用？
reason-noted = 謝謝，原因已記下。
undone = 已復原。請重新選擇：
no-text-kept = 這些回覆已過期。輸入 `/suggest` 加上客戶的訊息，就能取得新的回覆。
undone-not-deleted = 已復原，但那則回覆可能還留在對話裡，請到那裡刪除。請重新選擇：

reason-irrelevant = 答非所問
reason-incorrect = 內容有錯
reason-wrong_tone = 語氣不對
reason-wrong_language = 語言不對
reason-ignored_instructions = 沒有照提示寫
reason-confidential = 透露了機密內容
reason-needs_action_first = 需要先處理其他事情
reason-other = 其他原因
note-not-opened = Slack 沒有打開填寫原因的視窗，先記為「其他原因」。

all-failed = { $kind ->
    [silent] AI 模型沒有回應
   *[useless] AI 模型沒有給出可以使用的回覆
}（{ $reasons }）。沒有送出任何內容。{ $what_to_do }（參考編號：{ $reference }）
what-to-do-wait = 請稍後再試一次。
what-to-do-operator = 請通知負責維護這個機器人的人。
error-rate_limited = 請求太頻繁
error-timed_out = 逾時
error-refused = 請求遭拒
error-server_error = 伺服器錯誤
error-unreachable = 無法連線
error-invalid_output = 回應無法使用
error-empty = 回應空白
error-cancelled = 已取消
error-spent = 額度都用在思考上
error-too_long = 內容太長，超出模型上限

too-long = 這則訊息有 { $length } 個字，上限是 { $limit } 個字，所以沒有草擬。請縮短後再試一次。
limit-agent_per_minute = 你在過去一分鐘內要求了很多次回覆。請在 { $seconds } 秒後再試。
limit-queue = 目前有很多回覆正在草擬。這次沒有留下任何紀錄，請在 { $seconds } 秒後再試。
limit-tokens_per_day = 今天的 AI 模型用量已經用完，{ $hours } 小時後重新計算。負責維護這個機器人的人可以調高上限。
not-recorded = 沒有記錄，也沒有送出：機器人的資料庫無法運作。請稍後再試一次。
not-yours = 只有提出這個請求的人可以使用這些回覆。輸入 `/suggest` 就能取得你自己的回覆。
unknown-request = 已經找不到這些回覆了。輸入 `/suggest` 加上客戶的訊息，就能取得新的回覆。
not-open = 這個請求已經結束，沒有任何變動。
nothing-to-undo = 沒有可以復原的動作：還沒有做出選擇。
still-posting = 這則回覆正在送出。請過幾秒再按「復原」。
empty-reply = 請先寫下回覆：現在沒有內容可以送出。
malformed = Slack 傳來的內容，這個機器人無法解讀。沒有任何變動。
unexpected = 這個機器人出了問題。請再試一次；如果又發生，請把參考編號 { $reference } 告訴負責維護這個機器人的人。

language-name = 繁體中文（台灣）
home-greeting =
    {"*"}替客戶的訊息草擬幾則回覆，由你挑選，只有你看得到。*
    • 在頻道裡：`/suggest 客戶的訊息`
    • 在討論串裡：從客戶訊息的選單選「Suggest replies」，或是提及我
    • 在這裡的「訊息」分頁：把客戶的訊息傳給我，或轉寄給我
    • 在任何地方：用輸入框旁的捷徑「Suggest replies」
home-open = 等你決定
home-none-open = 最近 24 小時內，沒有等你決定的回覆。
home-used = 最近用過的回覆
home-none-used = 最近幾週你沒有用過任何回覆。用過的回覆會列在這裡。
home-no-text = 內容已不再保留。
home-figures = 你最近 { $days } 天
home-share = 顯示過的 { $shown } 組回覆中，採用了 { $accepted } 組，占 { $share }（95% 信賴區間：{ $low } 到 { $high }）。
home-few-figures = 顯示過的 { $shown } 組回覆中，採用了 { $accepted } 組。數量還太少，算不出可靠的比例。
home-no-figures = 這段期間沒有顯示過任何回覆。
home-gaps = 有人問，但找不到資料
home-gap = 「{ $question }」：{ $count } 次
home-channels = 頻道預設值
home-more-channels = 還有 { $count } 個頻道設了預設值。
button-change-channel = 變更
button-new-channel = 設定頻道預設值
channel-title = 頻道預設值
channel-channel = 頻道
channel-what = 從這個頻道的下一個請求起生效，適用於沒有自行設定的人。全部選「預設」，就會移除這個頻道的設定。
home-settings = 你的設定
home-team = 團隊最近 { $days } 天
home-drafting = 目前正常草擬。
home-paused = 目前已全面暫停草擬，沒有人會收到新的回覆。
home-experiment = 正在進行的實驗：{ $name }
home-unavailable = 機器人的資料庫沒有回應，所以現在沒有內容可以顯示。請過一分鐘再打開首頁。
button-show-request = 顯示回覆
button-open-settings = 變更設定
button-pause-drafting = 暫停草擬
button-resume-drafting = 恢復草擬
settings-title = 你的設定
settings-submit = 儲存
settings-candidates = 一次幾則回覆
settings-language = 機器人使用的語言
settings-on_use = 按下「使用」時
settings-styles = 要用哪些風格草擬
settings-hint = 預設提示（你沒有另外寫提示時）
settings-default = 預設（{ $value }）
settings-as-in-slack = 跟 Slack 相同
settings-no-hint = 無
settings-all-on = 全部開啟
settings-styles-off = 已關閉：{ $styles }
settings-what = 這些設定只影響你自己，從你的下一個請求開始生效。
settings-no-style = 請至少留下一種風格，回覆才有辦法草擬。沒有儲存任何變更。
settings-not-opened = Slack 沒有及時打開設定。請再按一次按鈕。
on-use-post = 直接送出回覆
on-use-copy = 顯示給我複製

# 傳給管理員的私訊。
experiment-stopped = 實驗 { $name } 已被自動停止：其中 { $arm } 組的草稿，失敗或不被採用的次數明顯比其他組多。之後的回覆會照原本的設定草擬。詳細數字：suggest experiment report { $name }
