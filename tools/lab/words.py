# SPDX-License-Identifier: Apache-2.0
"""The vocabulary of the demo mail: people, places, subjects and sentences, none of them real.

Every address is in a domain that RFC 2606 and RFC 6761 reserve, so no generated letter can ever
be answered to anybody.
"""

PEOPLE = (
    ("Ada Whitfield", "ada", "example.org"), ("Björn Åkesson", "bjorn", "example.net"),
    ("Chloé Lefèvre", "chloe.lefevre", "example.com"), ("Dmitri Sokolov", "dmitri", "example.org"),
    ("Дмитрий Орлов", "orlov", "example.net"), ("Eun-ji Park", "eunji", "example.com"),
    ("Fatima El-Amin", "f.elamin", "example.org"), ("Gábor Kiss", "gabor", "example.net"),
    ("Hanna Müller-Lüdenscheidt", "hanna", "example.com"), ("Ibrahim Traoré", "ib", "example.org"),
    ("Jürgen Groß", "juergen", "example.net"), ("Kenji Tanaka", "kenji", "example.com"),
    ("田中 美咲", "misaki", "example.org"), ("Lucía Fernández", "lucia", "example.net"),
    ("Mairéad Ní Bhriain", "mairead", "example.com"), ("Nguyễn Văn An", "an.nguyen", "example.org"),
    ("O'Neil, Patrick", "poneil", "example.net"), ("Priya Raghavan", "priya", "example.com"),
    ("Quentin \"Q\" Marsh", "q", "example.org"), ("Rosa Weber", "rosa", "example.net"),
    ("Søren Holm", "soren", "example.com"), ("Tomáš Dvořák", "tomas", "example.org"),
    ("王小明", "xiaoming", "example.net"), ("Yael Ben-David", "yael", "example.com"),
)

OWNER = ("Robin Demo", "robin", "mail.example")

# (name of the list, its host, its folder)
LISTS = (("packets-dev", "lists.example.org", "Lists.packets-dev"),
         ("mail-operators", "lists.example.net", "Lists.mail-operators"))

SHOPS = (("Harbour Books", "orders", "books.example"),
         ("Tramway Tickets", "noreply", "rail.example"),
         ("Grünzeug Gärtnerei", "bestellung", "garten.example"),
         ("Cloud Kitchen", "hello", "kitchen.example"))

SUBJECTS = (
    "Minutes of Thursday", "Draft of the quarterly report", "Lunch next week?", "Keys for the lab",
    "Latency numbers from the weekend", "Trip to Lyon: who drives", "Invoice 20{n}",
    "Question about the queue depth", "Your talk at the meet-up", "Budget for spare NICs",
    "The printer on floor {n} again", "Photos from Saturday", "Rollout plan, second reading",
    "Feedback on chapter {n}", "Moving the backup window", "New starter on Monday",
    "Checksum errors on port {n}", "Contract for the rack space", "Happy birthday!",
)

SUBJECTS_ELSEWHERE = (
    "Grüße aus Köln – Fotos vom Straßenfest", "Réunion reportée à jeudi (salle d’été)",
    "Ответ на ваше письмо о сервере", "会議の議事録と次回の予定について", "关于下周会议的安排和议程",
    "¿Cuándo llegas a la estación?", "Příští schůzka: středa v poledne", "Wyniki – załącznik",
    "A very long subject that goes on about the rollout, the rollback, the naïve estimate of the "
    "costs – and who will sit by the phone on the night of the change",
)

BODIES_ELSEWHERE = (
    "Hallo zusammen,\n\ndie Messungen von gestern liegen im Anhang. Auffällig ist, dass die Größe "
    "der Puffer kaum eine Rolle spielt.\n\nViele Grüße\n",
    "Bonjour,\n\nLa réunion est reportée à jeudi : la salle d’été n’était plus libre. Merci de "
    "prévenir les collègues.\n\nÀ bientôt\n",
    "Здравствуйте,\n\nсервер снова отвечает, причина была в кабеле. Подробности в приложении.\n\n"
    "С уважением\n",
    "お疲れさまです。\n\n次回の会議は木曜日の午後三時からです。資料を添付しますのでご確認ください。\n\n"
    "よろしくお願いいたします。\n",
    "您好,\n\n下周的会议改到星期四下午三点。请提前阅读附件。\n\n谢谢\n",
)

WHO = ("The night shift", "Our supplier", "Rosa", "The second switch", "Nobody I asked",
       "The old server", "The committee", "Kenji's script", "The landlord", "Every client",
       "The new cable", "Half of the team", "The auditor", "My train", "The build machine")
DID = ("has confirmed", "wants to postpone", "keeps dropping", "cannot explain", "has found",
       "would like to see", "will bring", "forgot", "measured", "has rewritten", "asks about",
       "depends on", "is happy with", "was surprised by", "replaced")
WHAT = ("the numbers from March", "a third of the frames", "the appointment on Tuesday",
        "the draft", "both power supplies", "the window scaling", "the list of guests",
        "a box of spare parts", "the offer", "the slow mailbox", "our test plan",
        "the key to the cellar", "the second page", "every retransmission", "the cake")
THEN = ("and that is fine with me", "so please have a look before noon", "but only on weekdays",
        "which nobody had expected", "as far as the log shows", "and the rest can wait",
        "so I moved it to the shared folder", "although the graph says otherwise",
        "and I owe you a coffee", "because the lift is out of order")
GREETINGS = ("Hi", "Hello", "Dear", "Good morning", "Hey")
CLOSINGS = ("Best regards", "Cheers", "See you", "Thanks", "All the best", "Yours")
OFFICE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
ATTACHMENTS = (("report.pdf", "application/pdf"), ("photo.jpg", "image/jpeg"),
               ("numbers.xlsx", OFFICE), ("Übersicht 2. Quartal.pdf", "application/pdf"),
               ("trace.pcap.gz", "application/gzip"), ("議事録.docx", "application/msword"))
