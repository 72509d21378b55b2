package imap

// searchCapabilities are about finding and ordering messages.
func searchCapabilities() []capability {
	return []capability{}
}

// searchExtensions are what ENABLE may switch on here.
func searchExtensions() []extensionRow { return nil }
