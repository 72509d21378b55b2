package addr

import "strings"

// parsePlain reads a list of nothing but `Name <local@domain>`, `"Name" <local@domain>` and `local@domain`, as nearly all
// are, with a look or two at each byte. Of any other list it gives nil, as of one with more than max items.
func parsePlain(s string, max int) []Item {
	var items []Item
	for i := 0; len(items) < max; i++ { // i is at a comma, but for the first time
		it, end := plainItem(s, spaces(s, i))
		if end < 0 {
			return nil
		}
		items = append(items, it)
		if end == len(s) {
			return items
		}
		if i = end; s[i] != ',' {
			return nil
		}
	}
	return nil
}

// plainItem reads the item at s[i:] and gives what is behind it and white space; -1 if it is not plain.
func plainItem(s string, i int) (it Item, end int) {
	start := i
	if i < len(s) && s[i] == '"' {
		n := strings.IndexByte(s[i+1:], '"')
		if n < 0 {
			return it, -1
		}
		name := s[i+1 : i+1+n]
		if strings.IndexByte(name, '\\') >= 0 || hasControl(name) {
			return it, -1
		}
		it.Name = strings.Trim(name, " ")
		i = spaces(s, i+n+2)
	} else {
		for i < len(s) && (isAtext(s[i]) || s[i] == ' ' && i > start && s[i-1] != ' ') {
			i++
		}
		it.Name = strings.TrimSuffix(s[start:i], " ")
	}
	if i < len(s) && s[i] == '<' {
		if it.Mailbox, i = plainSpec(s, i+1); i < 0 || i == len(s) || s[i] != '>' {
			return it, -1
		}
		return it, spaces(s, i+1)
	}
	if it.Name = ""; i == start {
		return it, -1
	}
	if it.Mailbox, i = plainSpec(s, start); i < 0 {
		return it, -1
	}
	return it, spaces(s, i)
}

// plainSpec reads the addr-spec at s[i:], words and dots without white space; end is -1 if it is none.
func plainSpec(s string, i int) (m Mailbox, end int) {
	at := dotWords(s, i)
	if at == i || at == len(s) || s[at] != '@' {
		return m, -1
	}
	if end = dotWords(s, at+1); end == at+1 {
		return m, -1
	}
	return Mailbox{Local: s[i:at], Domain: s[at+1 : end]}, end
}

func dotWords(s string, i int) int {
	for i < len(s) && (isAtext(s[i]) || s[i] == '.') {
		i++
	}
	return i
}

func spaces(s string, i int) int {
	for i < len(s) && s[i] == ' ' {
		i++
	}
	return i
}
