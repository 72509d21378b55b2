package mailbox

import (
	"context"
	"strings"
	"sync"
	"unicode"

	folding "barid/base/text"
)

// Clients of the world call the special-use mailboxes by names of their own, in the language of whoever set
// them up. A name that is usual for a use means the mailbox with that use as long as there is no mailbox that
// has the name itself: so all clients of an account put what they send into one mailbox. Names below such
// a name are names below that mailbox, as "Archives/2026" of Thunderbird is.

// usual are the usual names of each use, as KnownUse compares them.
var usual = [useEnd][]string{
	UseSent: {
		"Sent", "Sent Items", "Sent Messages", "Sent Mail", "Sent-mail", "Sent Objects", "Sent Folder", "Outgoing",
		"المرسلة", "المرسل", "مرسل", "مرسلة", "الرسائل المرسلة", "البريد المرسل", "العناصر المرسلة", "بريد مرسل", "الصادر المرسل",
		"ارسالشده", "ارسال شده", "فرستادهشده", "فرستاده شده", "فرستادهها", "پیامهای ارسالشده", "پیامهای ارسالی", "نامههای فرستادهشده",
		"موارد ارسالشده", "موارد ارسالی", "ارسالی", "ارسالیها",
		"الصندوق المرسل", "صندوق المرسل", "صندوق البريد المرسل", "صندوق الرسائل المرسلة", "رسائل مرسلة", "نامههای ارسالشده", "نامههای ارسالی", "ایمیلهای ارسالشده",
		"ایمیلهای ارسالی", "ارسالشدهها", "فرستادهشدهها", "پیامهای فرستادهشده", "صندوق ارسالی", "صندوق ارسالشده", "صندوق فرستادهها",
		"بھیجے گئے", "ارسال کردہ", "بھیجی گئی اشیاء", "نێردراو", "Gönderilmiş", "Gönderilenler", "Gönderilmiş Öğeler", "Gönderilmiş Postalar", "Göndərilmiş",
		"Gesendet", "Gesendete", "Gesendete Elemente", "Gesendete Objekte", "Gesendete Nachrichten", "Gesendete Mails",
		"Envoyés", "Envoyé", "Messages envoyés", "Éléments envoyés", "Courrier envoyé", "Objets envoyés",
		"Enviados", "Elementos enviados", "Mensajes enviados", "Correo enviado", "Itens enviados", "Mensagens enviadas", "Enviadas", "Enviats",
		"Inviata", "Inviati", "Posta inviata", "Messaggi inviati", "Elementi inviati",
		"Verzonden", "Verzonden items", "Verzonden berichten", "Отправленные", "Отправленное", "Исходящие отправленные", "Надіслані", "Відправлені", "Изпратени",
		"Wysłane", "Elementy wysłane", "Odeslané", "Odeslaná pošta", "Odoslané", "Skickat", "Skickade", "Sendt", "Sendte", "Sendt post", "Lähetetyt",
		"Elküldött", "Elküldött üzenetek", "Elküldött elemek", "Trimise", "Απεσταλμένα", "נשלח", "פריטים שנשלחו", "דואר שנשלח", "Terkirim", "Poslano", "Послато",
		"已发送", "已发送邮件", "已傳送", "已傳送郵件", "寄件備份", "寄件匣備份", "送信済み", "送信済みメール", "送信済みアイテム", "보낸 편지함", "보낸편지함", "भेजे गए", "Đã gửi", "ส่งแล้ว",
	},
	UseDrafts: {
		"Drafts", "Draft", "Draft Messages",
		"المسودات", "مسودات", "مسودة", "المسوّدات", "پیشنویس", "پیشنویسها", "پیشنویسها", "چرکنویسها", "مسودے", "ڈرافٹس", "ڕەشنووس",
		"صندوق المسودات", "مسودات البريد", "رسائل مسودة", "نامههای پیشنویس", "پیامهای پیشنویس", "چرکنویس",
		"Entwürfe", "Entwurf", "Brouillons", "Brouillon", "Borradores", "Borrador", "Rascunhos", "Rascunho", "Esborranys", "Bozze", "Bozza", "Concepten", "Concept",
		"Черновики", "Чернетки", "Чернови", "Taslaklar", "Taslak", "Qaralamalar", "Szkice", "Wersje robocze", "Koncepty", "Rozepsané", "Utkast", "Kladder", "Luonnokset",
		"Piszkozatok", "Ciorne", "Schițe", "Πρόχειρα", "טיוטות", "Draf", "Konsep", "Skice", "Нацрти", "草稿", "草稿箱", "草稿匣", "下書き", "임시 보관함", "임시보관함", "ड्राफ़्ट", "Thư nháp", "แบบร่าง",
	},
	UseTrash: {
		"Trash", "Bin", "Wastebasket", "Trash Can", "Deleted", "Deleted Items", "Deleted Messages", "Deleted Mail", "Recycle Bin",
		"المهملات", "سلة المهملات", "المحذوفات", "المحذوفة", "العناصر المحذوفة", "الرسائل المحذوفة", "سلة المحذوفات", "مهملات",
		"زباله", "زبالهدان", "سطل زباله", "سطل بازیافت", "حذفشده", "حذف شده", "حذفشدهها", "پاکشدهها", "موارد حذفشده", "پیامهای حذفشده", "ردی", "کوڑا دان", "حذف شدہ اشیاء", "زبڵدان",
		"صندوق المحذوفات", "البريد المحذوف", "صندوق المهملات", "القمامة", "سلة القمامة", "زبالهها",
		"صندوق زباله", "سطل آشغال", "آشغال", "نامههای حذفشده", "ایمیلهای حذفشده", "پیامهای پاکشده",
		"Papierkorb", "Gelöscht", "Gelöschte", "Gelöschte Elemente", "Gelöschte Objekte", "Gelöschte Nachrichten", "Corbeille", "Poubelle", "Supprimés", "Éléments supprimés", "Messages supprimés",
		"Papelera", "Papelera de reciclaje", "Eliminados", "Elementos eliminados", "Mensajes eliminados", "Lixeira", "Lixo", "Itens excluídos", "Itens eliminados", "Paperera",
		"Cestino", "Posta eliminata", "Elementi eliminati", "Prullenbak", "Verwijderd", "Verwijderde items", "Корзина", "Удаленные", "Удалённые", "Удаленное", "Кошик", "Видалені", "Кошче",
		"Çöp", "Çöp Kutusu", "Silinmiş", "Silinmiş Öğeler", "Zibil qabı", "Kosz", "Elementy usunięte", "Usunięte", "Koš", "Kôš", "Odstraněná pošta", "Papperskorgen", "Borttaget", "Papirkurv", "Papirkurven", "Slettede elementer", "Roskakori", "Poistetut",
		"Kuka", "Lomtár", "Törölt elemek", "Coș de gunoi", "Șterse", "Κάδος", "Κάδος απορριμμάτων", "Διεγραμμένα", "אשפה", "פריטים שנמחקו", "Sampah", "Tong Sampah", "Smeće", "Отпад",
		"已删除", "已删除邮件", "废纸篓", "垃圾桶", "刪除的郵件", "ゴミ箱", "ごみ箱", "削除済みアイテム", "휴지통", "지운 편지함", "कचरा", "Thùng rác", "ถังขยะ",
	},
	UseJunk: {
		"Junk", "Junk Mail", "Junk E-mail", "Junk Email", "Junk Messages", "Spam", "Spam Mail", "Bulk Mail", "Bulk", "SPAM-Mail",
		"البريد المزعج", "بريد مزعج", "المزعج", "الرسائل المزعجة", "البريد العشوائي", "بريد عشوائي", "البريد غير الهام", "البريد غير المرغوب فيه", "بريد غير مرغوب فيه", "غير مرغوب", "سبام",
		"هرزنامه", "هرزنامهها", "هرز", "اسپم", "بنجل", "نامههای ناخواسته", "ناخواسته", "پیامهای ناخواسته", "جنک", "فضول ڈاک", "سپام", "نامەی بێزارکەر",
		"البريد الإلكتروني غير الهام", "البريد الإلكتروني غير المهم", "البريد غير المهم", "رسائل غير هامة", "غير المرغوب فيه", "رسائل غير مرغوبة", "الرسائل غير المرغوب فيها", "رسائل مزعجة", "صندوق البريد المزعج",
		"البريد الإلكتروني المزعج", "السخام", "نامههای هرز", "پیامهای هرز", "ایمیلهای هرز", "نامه ناخواسته", "ایمیل ناخواسته", "ایمیلهای ناخواسته", "پست الکترونیکی ناخواسته",
		"Unerwünscht", "Unerwünschte Werbung", "Junk-E-Mail", "Werbung", "Indésirables", "Courrier indésirable", "Pourriel", "Pourriels", "Correo no deseado", "Correo basura", "No deseado", "Lixo eletrônico", "Lixo electrónico",
		"Correu brossa", "Posta indesiderata", "Indesiderata", "Ongewenst", "Ongewenste e-mail", "Ongewenste berichten", "Спам", "Нежелательная почта", "Небажана пошта", "Нежелана поща", "Önemsiz", "Önemsiz Posta", "İstenmeyen", "İstenmeyen Posta", "Gereksiz",
		"Wiadomości-śmieci", "Niechciane", "Nevyžádaná pošta", "Nevyžiadaná pošta", "Skräppost", "Uønsket post", "Søppelpost", "Uønsket e-mail", "Roskaposti", "Levélszemét", "Mesaje nedorite", "Ανεπιθύμητα", "Ανεπιθύμητη αλληλογραφία", "דואר זבל", "ספאם", "Neželjena pošta", "Нежељена пошта",
		"垃圾邮件", "垃圾郵件", "迷惑メール", "スパム", "스팸", "스팸 편지함", "정크 메일", "स्पैम", "Thư rác", "จดหมายขยะ",
	},
	UseArchive: {
		"Archive", "Archives", "Archived", "Archived Messages",
		"الأرشيف", "أرشيف", "المحفوظات", "المؤرشفة", "بایگانی", "بایگانیها", "آرشیو", "آرشیوها", "بایگانیشده", "محفوظ شدہ", "آرکائیو", "ئەرشیف",
		"صندوق الأرشيف", "المؤرشف", "الرسائل المؤرشفة", "البريد المؤرشف", "آرشیو شده", "پیامهای بایگانیشده", "نامههای بایگانیشده",
		"Archiv", "Archivé", "Archivo", "Archivado", "Archivados", "Arquivo", "Arquivo Morto", "Arquivados", "Arxiu", "Archivio", "Archivi", "Archief", "Архив", "Архивы", "Архів", "Архива", "Arşiv", "Arşivler", "Arxiv",
		"Archiwum", "Archív", "Arkiv", "Arkisto", "Archívum", "Arhivă", "Arhiva", "Αρχείο", "Αρχειοθήκη", "ארכיון", "Arsip", "Arkib", "归档", "存档", "封存", "アーカイブ", "보관함", "संग्रह", "Lưu trữ", "ที่เก็บถาวร",
	},
}

// useOf finds usual names by their key.
var useOf = sync.OnceValue(func() map[string]Use {
	m := make(map[string]Use)
	for u, names := range usual {
		for _, n := range names {
			m[usualKey(n)] = Use(u)
		}
	}
	return m
})

// usualKey is what two spellings of a usual name have in common: folded letters and digits.
func usualKey(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsMark(r) {
			return r
		}
		return -1
	}, folding.FoldString(name))
}

// maxUsualBytes is far more than any usual name has; longer ones are not looked at.
const maxUsualBytes = 128

// KnownUse gives the special use that a name is usual for, in any of the languages known, UseNone if none. It is of one level.
func KnownUse(name string) Use {
	if len(name) > maxUsualBytes || strings.Contains(name, "/") {
		return UseNone
	}
	return useOf()[usualKey(name)]
}

// namespaces of other servers, in front of their special-use mailboxes: clients and copies of mail bring them.
var foreign = [...]string{Inbox + "/", "[Gmail]/", "[Google Mail]/"}

// usualHead parts a name behind its leading levels that are a usual name.
func usualHead(name string) (head, rest string, use Use) {
	skip := 0
	for _, f := range foreign {
		if strings.HasPrefix(name, f) {
			skip = len(f)
		}
	}
	end := len(name)
	if i := strings.IndexByte(name[skip:], '/'); i >= 0 {
		end = skip + i
	}
	return name[:end], name[end:], KnownUse(name[skip:end])
}

// Meaning is what a name means.
type Meaning struct {
	Name   string // the name as it is kept; it need not exist
	Exists bool
	Alias  bool // another name was asked for, one usual for a special use
	Use    Use  // of an Alias that is the special-use mailbox itself; UseNone for one below it
}

// Meaning gives what a name means: itself, cleaned, unless its beginning is a usual name of a special use that
// no mailbox has, and the account has a mailbox with that use.
func (a *Account) Meaning(ctx context.Context, name string) (m Meaning, err error) {
	err = a.with(func(acc *account) error {
		s, err := acc.shown(ctx)
		if err != nil {
			return err
		}
		if !s.cat.exists(name) { // as it is kept, mostly
			if name, err = CleanName(name); err != nil {
				return err
			}
		}
		m = s.cat.meaning(name)
		return nil
	})
	return m, err
}

func (c *catalog) meaning(name string) Meaning {
	if c.exists(name) {
		return Meaning{Name: name, Exists: true}
	}
	head, rest, use := usualHead(name)
	if use == UseNone || c.exists(head) {
		return Meaning{Name: name}
	}
	i := c.withUse(use)
	switch {
	case i == nil:
		return Meaning{Name: name}
	case rest == "":
		return Meaning{Name: i.name, Exists: true, Alias: true, Use: use}
	}
	return Meaning{Name: i.name + rest, Exists: c.exists(i.name + rest), Alias: true}
}

func (c *catalog) exists(name string) bool {
	i := c.byName[name]
	return i != nil && i.shape != ghost
}
