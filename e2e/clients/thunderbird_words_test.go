package clients

// thunderbirdPrefs is the account of somebody who reads Persian, and peace: no first-run pages, no calls to the outside.
const thunderbirdPrefs = `
mail.accountmanager.accounts = "account1,account2"
mail.accountmanager.defaultaccount = "account1"
mail.accountmanager.localfoldersserver = "server2"
mail.account.account1.identities = "id1"
mail.account.account1.server = "server1"
mail.account.account2.server = "server2"
mail.account.lastKey = 2
mail.identity.id1.fullName = "Info"
mail.identity.id1.useremail = "info@example.test"
mail.identity.id1.valid = true
mail.server.server1.type = "imap"
mail.server.server1.hostname = "127.0.0.1"
mail.server.server1.port = PORT
mail.server.server1.userName = "info@example.test"
mail.server.server1.name = "info@example.test"
mail.server.server1.socketType = 3
mail.server.server1.authMethod = 3
mail.server.server1.login_at_startup = true
offline.startup_state = 3
mail.server.server1.check_new_mail = true
mail.server.server1.offline_download = true
mail.server.server1.autosync_offline_stores = true
intl.accept_languages = "fa-IR, fa, en-US, en"
mail.server.server2.type = "none"
mail.server.server2.hostname = "Local Folders"
mail.server.server2.userName = "nobody"
mail.server.server2.name = "Local Folders"
app.donation.eoy.version.viewed = 999
app.update.disabledForTesting = true
datareporting.policy.dataSubmissionPolicyBypassNotification = true
datareporting.policy.dataSubmissionEnabled = false
datareporting.healthreport.uploadEnabled = false
toolkit.telemetry.enabled = false
mail.inappnotifications.enabled = false
mail.rights.version = 1
mail.shell.checkDefaultClient = false
mail.spotlight.firstRunDone = true
mail.provider.enabled = false
mailnews.start_page.enabled = false
mailnews.start_page_override.mstone = "ignore"
extensions.update.enabled = false
extensions.getAddons.cache.enabled = false
browser.safebrowsing.downloads.enabled = false
network.captive-portal-service.enabled = false
network.connectivity-service.enabled = false
network.proxy.type = 1
network.proxy.http = "127.0.0.1"
network.proxy.http_port = 9
network.proxy.ssl = "127.0.0.1"
network.proxy.ssl_port = 9
marionette.port = MARIONETTE
`

// thunderbirdWords is what every script that runs in Thunderbird can say.
const thunderbirdWords = `
const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
const { MailUtils } = ChromeUtils.importESModule("resource:///modules/MailUtils.sys.mjs");
const win = Services.wm.getMostRecentWindow("mail:3pane");
const account = MailServices.accounts.accounts.find(a => a.incomingServer.type == "imap");
const server = account.incomingServer;
const tick = () => new Promise(r => win.setTimeout(r, 50));
// told runs what takes an nsIUrlListener, to its end.
const told = run => new Promise((good, bad) => run({
  OnStartRunningUrl() {},
  OnStopRunningUrl(url, status) { status ? bad(new Error("status " + status.toString(16))) : good(); },
}));
// copied runs what takes an nsIMsgCopyServiceListener, to its end.
const copied = run => new Promise((good, bad) => run({
  onStartCopy() {}, onProgress() {}, setMessageKey() {}, getMessageId() { return null; },
  onStopCopy(status) { status ? bad(new Error("status " + status.toString(16))) : good(); },
}));
const folder = path => {
  const found = server.rootFolder.descendants.find(f => pathOf(f) == path);
  if (!found) throw new Error("no folder " + path);
  return found;
};
// pathOf names a folder as the server does; what a release of Thunderbird calls the inbox does not matter.
const pathOf = f => f.parent != server.rootFolder ? pathOf(f.parent) + "/" + f.name :
  f.flags & Ci.nsMsgFolderFlags.Inbox ? "INBOX" : f.name;
const messages = f => { const all = []; for (const m of f.messages) all.push(m); return all; };
const message = (f, id) => {
  const found = messages(f).find(m => m.messageId.startsWith(id + "@"));
  if (!found) throw new Error("no message " + id + " in " + pathOf(f));
  return found;
};
`

// The scripts of the tests. Each gets its arguments as args.
const (
	// birdLogin makes the server's certificate and the password known.
	birdLogin = `
const [port, user, password, cert] = args;
const db = Cc["@mozilla.org/security/x509certdb;1"].getService(Ci.nsIX509CertDB);
const overrides = Cc["@mozilla.org/security/certoverride;1"].getService(Ci.nsICertOverrideService);
overrides.rememberValidityOverride("127.0.0.1", Number(port), {}, db.constructX509FromBase64(cert), false);
const login = Cc["@mozilla.org/login-manager/loginInfo;1"].createInstance(Ci.nsILoginInfo);
login.init("imap://127.0.0.1", null, "imap://127.0.0.1", user, password, "", "");
await Services.logins.addLoginAsync(login);
win.moveTo(0, 0);
win.resizeTo(1280, 800);
return null;`

	// birdOnline leaves the offline state and carries out what was done in it.
	birdOnline = `
if (Services.io.offline) {
  Cc["@mozilla.org/messenger/offline-manager;1"].getService(Ci.nsIMsgOfflineManager).goOnline(false, true, win.msgWindow);
}
while (Services.io.offline) await tick();
return null;`

	// birdOffline enters the offline state.
	birdOffline = `
Services.io.offline = true;
while (!Services.io.offline) await tick();
return null;`

	// birdGet is the button that gets messages; folders are found on the way.
	birdGet = `
await told(l => server.rootFolder.getFolderWithFlags(Ci.nsMsgFolderFlags.Inbox).getNewMessages(win.msgWindow, l));
return null;`

	// birdFolders lists the folders, "path: uses".
	birdFolders = `
const uses = { Inbox: 1, SentMail: 1, Drafts: 1, Trash: 1, Junk: 1, Archive: 1 };
return server.rootFolder.descendants.map(f => pathOf(f) + ":" +
  Object.keys(uses).filter(u => f.flags & Ci.nsMsgFolderFlags[u]).join(",")).sort();`

	// birdDownload keeps a folder for offline use, now.
	birdDownload = `
const f = folder(args[0]).QueryInterface(Ci.nsIMsgImapMailFolder);
f.setFlag(Ci.nsMsgFolderFlags.Offline);
await told(l => f.updateFolderWithListener(win.msgWindow, l));
await told(l => f.downloadAllForOffline(l, win.msgWindow));
return f.filePath.path;`

	// birdList lists a folder as the window shows it: subject, author, and letters as in a maildir.
	birdList = `
return messages(folder(args[0])).map(m => m.messageId.split("@")[0] + " [" + (m.isFlagged ? "F" : "") +
  (m.flags & Ci.nsMsgMessageFlags.Replied ? "R" : "") + (m.isRead ? "S" : "") + "] " + m.mime2DecodedSubject + " <- " + m.mime2DecodedAuthor +
  (m.flags & Ci.nsMsgMessageFlags.Offline ? " kept" : "")).sort();`

	// birdOpen opens a message in the window and gives what stands there.
	birdOpen = `
const f = folder(args[0]), m = message(f, args[1]);
MailUtils.displayMessageInFolderTab(m, true);
let about;
while (!(about = win.document.getElementById("tabmail").currentAboutMessage) || about.gMessage != m || !about.msgLoaded) await tick();
const pane = about.getMessagePaneBrowser();
for (let frame = 0; frame < 3; frame++) await new Promise(r => win.requestAnimationFrame(r));
const subject = about.document.getElementById("expandedsubjectBox").textContent;
const names = [...about.document.querySelectorAll(".attachmentcell-name")].map(n => n.textContent + (n.nextElementSibling?.textContent ?? ""));
return [subject, pane.contentDocument?.body?.textContent ?? "", names.join(",")];`

	// birdSearch lets the server search one folder: the dialog "Search Messages" with "Run search on server".
	birdSearch = `
const [path, attribute, words] = args;
const session = Cc["@mozilla.org/messenger/searchSession;1"].createInstance(Ci.nsIMsgSearchSession);
session.addScopeTerm(Ci.nsMsgSearchScope.onlineMail, folder(path));
const term = session.createTerm(), value = term.value;
term.attrib = value.attrib = Ci.nsMsgSearchAttrib[attribute];
value.str = words;
term.value = value;
term.op = Ci.nsMsgSearchOp.Contains;
term.booleanAnd = true;
session.appendTerm(term);
const hits = [];
await new Promise((good, bad) => {
  session.registerListener({
    onSearchHit(header) { hits.push(header.messageId.split("@")[0]); },
    onSearchDone(status) { status ? bad(new Error("status " + status.toString(16))) : good(); },
    onNewSearch() {},
  });
  session.search(win.msgWindow);
});
return hits.sort();`

	// birdFlag sets a star, birdMove moves a message, birdDelete deletes one, birdCreate makes a folder.
	birdFlag = `
const f = folder(args[0]);
f.markMessagesFlagged([message(f, args[1])], true);
return null;`
	birdMove = `
const f = folder(args[0]);
await copied(l => MailServices.copy.copyMessages(f, [message(f, args[1])], folder(args[2]), true, l, win.msgWindow, false));
return null;`
	birdDelete = `
const f = folder(args[0]);
f.deleteMessages([message(f, args[1])], win.msgWindow, false, false, null, false);
return null;`
	birdCreate = `
const parent = args[0] ? folder(args[0]) : server.rootFolder;
parent.createSubfolder(args[1], win.msgWindow);
return null;`
)
