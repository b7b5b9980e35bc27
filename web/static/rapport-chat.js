/*
 * <rapport-chat>: the customer's chat window, for any page.
 *
 *   <script src="https://chat.example/static/rapport-chat.js" defer></script>
 *   <rapport-chat></rapport-chat>
 *
 * Attributes
 *   server     where the chat lives, e.g. https://chat.example/webchat (default: the script's own host)
 *   language   en, zh-Hans or zh-Hant (default: the page's language, then the browser's)
 *   title      the name above the conversation
 *   position   right (default) or left
 *   theme      auto (default), light or dark
 *   open       present while the window is open
 *   identity   a token by which your own backend says who is logged in
 *   start      what a link or campaign carries; goes along with the first message
 * Events
 *   custom     the assistant sent something that is for your page: event.detail is {position, payload, live}
 * Colours: --rapport-accent and --rapport-on-accent on the element.
 * The protocol is described in docs/webchat-protocol.md.
 */
(() => {
  "use strict";

  const SCRIPT = document.currentScript && document.currentScript.src;
  const HEARTBEAT_MS = 25_000;
  const SILENCE_MS = 10_000;
  const LONGEST_WAIT_MS = 30_000;
  const POLL_SECONDS = 25;
  const SOCKET_ATTEMPTS = 2;
  const SOCKET_AGAIN_MS = 120_000;
  const SOCKET_WORKED_AGAIN_MS = 5_000;
  const TYPING_EVERY_MS = 3_000;
  const TYPING_SHOWN_MS = 6_000;
  const GROUP_MS = 5 * 60_000;
  const QUIET_MS = 2_000;
  const UNAUTHORIZED = 4401;
  /** Channels that a link can lead to, by the names that people know. */
  const CHANNELS = { telegram: "Telegram" };
  const PASSING = new Set(["unavailable", "too_many", "hello_first"]);

  const TEXTS = {
    en: {
      title: "Chat with us",
      open: "Open chat",
      openUnread: "Open chat, {count} unread",
      close: "Close chat",
      subtitle: "We are here to help",
      connecting: "Connecting…",
      greeting: "Hello! How can we help you today?",
      log: "Conversation",
      placeholder: "Write a message…",
      send: "Send",
      attach: "Attach a file",
      remove: "Remove {name}",
      drop: "Drop files to attach them",
      earlier: "Show earlier messages",
      newest: "New messages",
      offline: "You are offline. Your messages will be sent as soon as you are back.",
      reconnecting: "Reconnecting… Your messages are safe and will be sent.",
      assistant: "Assistant",
      agent: "Support",
      you: "You",
      typing: "Typing…",
      sending: "Sending…",
      delivered: "Delivered",
      failed: "Not sent",
      retry: "Try again",
      discard: "Discard",
      uploading: "Uploading {name}",
      uploadFailed: "{name} could not be uploaded.",
      uploadTooLarge: "{name} is too large. Files may have up to {size}.",
      tooLong: "Too long by {count}",
      choices: "Suggested replies",
      elsewhere: "Continue in {channel}",
      elsewhereWhy:
        "Open the link and press Start. We will know that it is you there, too. The link works once, for one day, and is meant for you alone.",
      elsewhereOpen: "Open {channel}",
      elsewhereWait: "Preparing your link…",
      elsewhereReady: "Your link is ready.",
      elsewhereFailed: "The link could not be made just now. Please try again in a moment.",
      copy: "Copy link",
      copied: "Copied",
      elsewhereClose: "Close this notice",
    },
    "zh-Hans": {
      title: "在线客服",
      open: "打开聊天",
      openUnread: "打开聊天，{count} 条未读消息",
      close: "关闭聊天",
      subtitle: "很高兴为您服务",
      connecting: "正在连接…",
      greeting: "您好！请问有什么可以帮您？",
      log: "聊天记录",
      placeholder: "请输入消息…",
      send: "发送",
      attach: "添加文件",
      remove: "移除 {name}",
      drop: "拖到这里即可添加",
      earlier: "查看更早的消息",
      newest: "有新消息",
      offline: "网络已断开，恢复后会自动发送您的消息。",
      reconnecting: "正在重新连接，您的消息不会丢失。",
      assistant: "智能助手",
      agent: "人工客服",
      you: "您",
      typing: "正在输入…",
      sending: "发送中…",
      delivered: "已送达",
      failed: "未发送",
      retry: "重试",
      discard: "删除",
      uploading: "正在上传 {name}",
      uploadFailed: "{name} 上传失败。",
      uploadTooLarge: "{name} 太大了，单个文件不能超过 {size}。",
      tooLong: "超出 {count} 个字",
      choices: "快捷回复",
      elsewhere: "转到 {channel} 继续聊",
      elsewhereWhy: "打开链接后点“开始”（Start），我们就知道那边也是您。链接一天内有效，只能使用一次，请勿转发给他人。",
      elsewhereOpen: "打开 {channel}",
      elsewhereWait: "正在生成链接…",
      elsewhereReady: "链接已生成。",
      elsewhereFailed: "暂时无法生成链接，请稍后再试。",
      copy: "复制链接",
      copied: "已复制",
      elsewhereClose: "关闭此提示",
    },
    "zh-Hant": {
      title: "線上客服",
      open: "開啟聊天",
      openUnread: "開啟聊天，{count} 則未讀訊息",
      close: "關閉聊天",
      subtitle: "很高興為您服務",
      connecting: "連線中…",
      greeting: "您好！請問需要什麼協助？",
      log: "對話紀錄",
      placeholder: "請輸入訊息…",
      send: "傳送",
      attach: "附加檔案",
      remove: "移除 {name}",
      drop: "拖曳到這裡即可附加",
      earlier: "查看更早的訊息",
      newest: "有新訊息",
      offline: "網路已中斷，恢復後會自動傳送您的訊息。",
      reconnecting: "正在重新連線，您的訊息不會遺失。",
      assistant: "智慧助理",
      agent: "真人客服",
      you: "您",
      typing: "正在輸入…",
      sending: "傳送中…",
      delivered: "已送達",
      failed: "未傳送",
      retry: "重試",
      discard: "刪除",
      uploading: "正在上傳 {name}",
      uploadFailed: "{name} 上傳失敗。",
      uploadTooLarge: "{name} 太大了，單一檔案不可超過 {size}。",
      tooLong: "超出 {count} 個字",
      choices: "快速回覆",
      elsewhere: "改用 {channel} 繼續聊",
      elsewhereWhy: "開啟連結後按「開始」（Start），我們就會知道那邊也是您。連結一天內有效，只能使用一次，請勿轉傳給他人。",
      elsewhereOpen: "開啟 {channel}",
      elsewhereWait: "正在產生連結…",
      elsewhereReady: "連結已產生。",
      elsewhereFailed: "暫時無法產生連結，請稍後再試。",
      copy: "複製連結",
      copied: "已複製",
      elsewhereClose: "關閉此提示",
    },
  };

  const STYLE = `
    :host {
      --accent: var(--rapport-accent, #17695a);
      --on-accent: var(--rapport-on-accent, #fff);
      --accent-text: var(--accent);
      --surface: #fff;
      --raised: #fff;
      --soft: #f2f4f3;
      --line: #e3e7e5;
      --ink: #17201d;
      --muted: #5d6a65;
      --danger: #b3261e;
      --danger-soft: #fdecea;
      --shadow: 0 1px 2px rgb(16 32 27 / .06), 0 16px 48px -8px rgb(16 32 27 / .22);
      color-scheme: light;
      position: fixed;
      inset: auto 24px 24px auto;
      z-index: 2147483000;
      display: block;
      font: 400 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "PingFang SC", "Hiragino Sans GB",
        "Microsoft YaHei", "Noto Sans CJK SC", sans-serif;
      color: var(--ink);
      text-align: start;
      letter-spacing: normal;
    }
    :host(:lang(zh-Hant)) {
      font-family: system-ui, -apple-system, "Segoe UI", Roboto, "PingFang TC", "Microsoft JhengHei",
        "Noto Sans CJK TC", sans-serif;
    }
    :host([position="left"]) { inset: auto auto 24px 24px; }
    :host([hidden]) { display: none; }
    :host([theme="dark"]) {
      --surface: #141a18; --raised: #1b2320; --soft: #222b28; --line: #303b37; --ink: #e9efec; --muted: #9aaaa3;
      --danger: #ffb4ab; --danger-soft: #3a1f1c;
      --accent-text: color-mix(in oklab, var(--accent), #fff 55%);
      --shadow: 0 0 0 1px rgb(255 255 255 / .06), 0 16px 48px -8px rgb(0 0 0 / .7);
      color-scheme: dark;
    }
    @media (prefers-color-scheme: dark) {
      :host(:not([theme="light"])) {
        --surface: #141a18; --raised: #1b2320; --soft: #222b28; --line: #303b37; --ink: #e9efec; --muted: #9aaaa3;
        --danger: #ffb4ab; --danger-soft: #3a1f1c;
        --accent-text: color-mix(in oklab, var(--accent), #fff 55%);
        --shadow: 0 0 0 1px rgb(255 255 255 / .06), 0 16px 48px -8px rgb(0 0 0 / .7);
        color-scheme: dark;
      }
    }
    *, ::before, ::after { box-sizing: border-box; }
    [hidden] { display: none !important; }
    button, textarea { font: inherit; color: inherit; }
    button { border: 0; padding: 0; margin: 0; background: none; cursor: pointer; touch-action: manipulation; }
    button:disabled { cursor: default; }
    :focus-visible { outline: 2px solid var(--accent-text); outline-offset: 2px; }
    svg { display: block; width: 22px; height: 22px; fill: none; stroke: currentColor; stroke-width: 1.8;
      stroke-linecap: round; stroke-linejoin: round; }
    .hush { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }

    .launcher { position: relative; display: grid; place-items: center; width: 60px; height: 60px;
      margin-inline-start: auto;
      border-radius: 50%; background: var(--accent); color: var(--on-accent); box-shadow: var(--shadow);
      transition: transform .18s ease, filter .18s ease; }
    :host([position="left"]) .launcher { margin-inline: 0 auto; }
    .launcher:hover { transform: translateY(-2px); filter: brightness(1.06); }
    .launcher svg { width: 27px; height: 27px; }
    .badge { position: absolute; inset: -3px -3px auto auto; min-width: 22px; height: 22px; padding: 0 6px;
      border-radius: 11px; border: 2px solid var(--surface); background: #d3382c; color: #fff;
      font: 600 12px/18px system-ui, sans-serif; text-align: center; }

    .panel { position: absolute; inset: auto 0 76px auto; display: flex; flex-direction: column;
      width: min(396px, calc(100vw - 48px)); height: min(660px, calc(100vh - 132px));
      height: min(660px, calc(100dvh - 132px));
      overflow: hidden; border-radius: 22px; background: var(--surface); box-shadow: var(--shadow);
      transform-origin: bottom right; animation: rise .22s cubic-bezier(.2, .9, .3, 1); }
    :host([position="left"]) .panel { inset: auto auto 76px 0; transform-origin: bottom left; }
    @keyframes rise { from { opacity: 0; transform: translateY(12px) scale(.98); } }

    header { display: flex; align-items: center; gap: 12px; padding: 14px 12px 14px 18px;
      border-bottom: 1px solid var(--line); }
    .mark { flex: none; display: grid; place-items: center; width: 40px; height: 40px; border-radius: 14px;
      background: var(--accent); color: var(--on-accent); font-weight: 600; font-size: 17px; }
    .names { flex: 1; min-width: 0; }
    h2 { margin: 0; overflow: hidden; font-size: 16px; font-weight: 620; line-height: 1.35; text-overflow: ellipsis;
      white-space: nowrap; }
    .subtitle { display: flex; align-items: center; gap: 6px; margin: 0; font-size: 13px; line-height: 1.4;
      color: var(--muted); }
    .subtitle::before { content: ""; width: 7px; height: 7px; border-radius: 50%; background: #2f9e5b; }
    .subtitle.waiting::before { background: #d59a1e; }
    .icon { flex: none; display: grid; place-items: center; width: 44px; height: 44px; border-radius: 14px;
      color: var(--muted);
      transition: background .15s ease, color .15s ease; }
    .icon:hover:not(:disabled) { background: var(--soft); color: var(--ink); }

    .banner { padding: 9px 18px; background: var(--soft); font-size: 13px; color: var(--muted); }
    .banner.bad { background: var(--danger-soft); color: var(--danger); }

    .elsewhere { display: flex; flex-direction: column; gap: 12px; padding: 6px 6px 16px 18px;
      border-bottom: 1px solid var(--line); background: var(--soft); }
    .elsewhere-top { display: flex; align-items: center; gap: 8px; }
    .elsewhere h3 { flex: 1; min-width: 0; margin: 0; font-size: 15px; font-weight: 620; line-height: 1.35; }
    .elsewhere p { margin: -8px 12px 0 0; font-size: 13px; color: var(--muted); text-wrap: pretty; }
    .elsewhere p.bad { color: var(--danger); }
    .ways { display: flex; flex-wrap: wrap; gap: 8px; margin-inline-end: 12px; }
    .way { display: inline-flex; align-items: center; justify-content: center; min-height: 44px; padding: 8px 18px;
      border-radius: 22px; font-weight: 600; text-decoration: none; color: var(--accent-text); }
    button.way { border: 1px solid color-mix(in oklab, var(--accent-text), transparent 55%); }
    a.way { background: var(--accent); color: var(--on-accent); }
    .way:hover { filter: brightness(1.08); }

    .scroll { position: relative; flex: 1; min-height: 0; overflow-y: auto; overscroll-behavior: contain;
      padding: 18px 16px 10px;
      scrollbar-width: thin; scrollbar-color: var(--line) transparent; }
    .earlier { display: block; min-height: 44px; margin: -8px auto 8px; padding: 0 16px; border-radius: 22px;
      font-size: 13px;
      font-weight: 550; color: var(--accent-text); }
    .earlier:hover { background: var(--soft); }
    .greeting { width: fit-content; max-width: 84%; margin: 0 0 14px; padding: 10px 14px; border-radius: 18px 18px 18px 6px;
      background: var(--soft); }
    .log { display: flex; flex-direction: column; }
    .day { align-self: center; margin: 14px 0 12px; font-size: 12px; color: var(--muted); }
    .log > .day:first-child { margin-top: 0; }

    .message { display: flex; flex-direction: column; align-items: flex-start; max-width: 100%; margin-top: 3px; }
    .message.mine { align-items: flex-end; }
    .message.first { margin-top: 12px; }
    .day + .message.first { margin-top: 0; }
    .message.fresh { animation: arrive .18s ease-out; }
    @keyframes arrive { from { opacity: 0; transform: translateY(6px); } }
    .author { margin: 0 4px 3px; font-size: 12px; color: var(--muted); }
    .message:not(.first) .author, .mine .author { position: absolute; width: 1px; height: 1px; overflow: hidden;
      clip-path: inset(50%); }
    .bubble { max-width: 84%; padding: 9px 14px; border-radius: 18px; background: var(--soft); white-space: pre-wrap;
      overflow-wrap: anywhere; text-wrap: pretty; unicode-bidi: plaintext; }
    .mine .bubble { background: var(--accent); color: var(--on-accent); }
    .theirs.last .bubble:last-of-type { border-end-start-radius: 6px; }
    .mine.last .bubble:last-of-type { border-end-end-radius: 6px; }
    .bubble a { color: inherit; text-underline-offset: 2px; }
    .mine.pending .bubble, .mine.pending .files { opacity: .72; }
    .foot { display: flex; gap: 8px; align-items: center; min-height: 18px; margin: 3px 4px 0; font-size: 12px;
      color: var(--muted); }
    .message:not(.last) .foot:not(.kept) { display: none; }
    .foot.bad { color: var(--danger); }
    .foot button { min-height: 44px; margin: -13px 0; padding: 0 4px; font-weight: 600; text-decoration: underline;
      text-underline-offset: 3px; }

    .choices { display: flex; flex-wrap: wrap; gap: 8px; margin: 8px 0 2px; }
    .choice { display: inline-flex; align-items: center; min-height: 44px; max-width: 100%; padding: 8px 16px;
      border: 1px solid color-mix(in oklab, var(--accent-text), transparent 55%); border-radius: 22px;
      background: var(--raised);
      color: var(--accent-text); font-weight: 550; line-height: 1.3; text-align: start; text-decoration: none;
      overflow-wrap: anywhere;
      transition: background .15s ease; }
    .choice:hover:not(:disabled) { background: color-mix(in oklab, var(--accent), transparent 90%); }
    .choice:disabled { border-color: var(--line); color: var(--muted); font-weight: 400; }
    .choice.chosen:disabled { border-color: var(--accent-text); color: var(--accent-text); font-weight: 550; }

    .files { display: flex; flex-direction: column; gap: 6px; max-width: 84%; margin-bottom: 4px; }
    .mine .files { align-items: flex-end; }
    .picture { display: block; overflow: hidden; border-radius: 16px; background: var(--soft); }
    .picture img { display: block; max-width: min(240px, 100%); max-height: 240px; min-width: 72px; min-height: 72px;
      object-fit: cover; }
    .file { display: flex; align-items: center; gap: 10px; min-height: 52px; max-width: 100%;
      padding: 8px 14px 8px 10px; border: 1px solid var(--line);
      border-radius: 16px; background: var(--raised); color: inherit; text-decoration: none; }
    .file svg { flex: none; color: var(--accent-text); }
    .file span { min-width: 0; }
    .file b { display: block; font-weight: 550; line-height: 1.3; overflow-wrap: anywhere; }
    .file small { color: var(--muted); }

    .typing { display: inline-flex; gap: 5px; margin-top: 12px; padding: 14px 16px;
      border-radius: 18px 18px 18px 6px; background: var(--soft); }
    .typing i { width: 7px; height: 7px; border-radius: 50%; background: var(--muted);
      animation: breathe 1.2s infinite ease-in-out; }
    .typing i:nth-child(2) { animation-delay: .15s; }
    .typing i:nth-child(3) { animation-delay: .3s; }
    @keyframes breathe { 0%, 60%, 100% { opacity: .3; } 30% { opacity: 1; } }

    .newest { position: absolute; z-index: 1; inset: auto auto calc(100% + 10px) 50%; min-height: 44px;
      padding: 0 18px; border-radius: 22px;
      background: var(--raised); box-shadow: var(--shadow); color: var(--accent-text); font-size: 13px;
      font-weight: 600; white-space: nowrap; transform: translateX(-50%); }

    footer { position: relative; padding: 8px 12px max(12px, env(safe-area-inset-bottom)); }
    .field { border: 1px solid var(--line); border-radius: 24px; background: var(--raised);
      transition: border-color .15s ease, box-shadow .15s ease; }
    .field:focus-within { border-color: var(--accent-text);
      box-shadow: 0 0 0 3px color-mix(in oklab, var(--accent-text), transparent 84%); }
    .row { display: flex; align-items: flex-end; padding: 2px; }
    textarea { flex: 1; min-width: 0; height: 44px; max-height: 132px; padding: 11px 2px 9px; border: 0; outline: 0;
      resize: none; background: none;
      font-size: 16px; line-height: 24px; }
    textarea:focus-visible { outline: 0; }
    textarea::placeholder { color: var(--muted); opacity: 1; }
    .field .icon { border-radius: 50%; }
    .send:not(:disabled) { background: var(--accent); color: var(--on-accent); }
    .send:hover:not(:disabled) { background: var(--accent); color: var(--on-accent); filter: brightness(1.08); }
    .send:disabled { opacity: .45; }
    .count { margin: 0; padding: 0 18px 8px; font-size: 12px; color: var(--muted); }
    .count.bad { color: var(--danger); }

    .uploads { display: flex; flex-wrap: wrap; gap: 8px; padding: 8px 8px 2px; }
    .upload { position: relative; display: flex; align-items: center; gap: 4px; max-width: 100%;
      padding-inline-start: 14px; overflow: hidden;
      border-radius: 14px; background: var(--soft); font-size: 13px; }
    .upload span { min-width: 0; padding: 6px 0; overflow-wrap: anywhere; }
    .upload progress { position: absolute; inset: auto 0 0 0; width: 100%; height: 3px; border: 0; appearance: none;
      background: transparent; }
    .upload progress::-webkit-progress-bar { background: transparent; }
    .upload progress::-webkit-progress-value { background: var(--accent-text); transition: width .2s ease; }
    .upload progress::-moz-progress-bar { background: var(--accent-text); }
    .upload.bad { background: var(--danger-soft); color: var(--danger); }
    .upload svg { width: 18px; height: 18px; }
    .panel.dropping::after { content: attr(data-drop); position: absolute; inset: 10px; display: grid;
      place-items: center; border: 2px dashed var(--accent-text);
      border-radius: 16px; background: color-mix(in oklab, var(--surface), transparent 8%);
      color: var(--accent-text); font-weight: 600; }

    @media (max-width: 480px) {
      :host, :host([position="left"]) { inset: auto 16px 16px auto; }
      :host([position="left"]) { inset: auto auto 16px 16px; }
      .panel, :host([position="left"]) .panel { position: fixed; inset: var(--top, 0) 0 auto 0; width: 100%;
        height: var(--height, 100dvh);
        border-radius: 0; box-shadow: none; }
      :host([open]) .launcher { display: none; }
      header { padding-top: max(10px, env(safe-area-inset-top)); padding-bottom: 10px; }
    }
    @media (prefers-reduced-motion: reduce) { *, ::before, ::after { animation: none !important;
      transition: none !important; } }
    @media (forced-colors: active) {
      .launcher, .bubble, .field, .choice, .panel { border: 1px solid; }
      .field:focus-within { outline: 2px solid; outline-offset: 2px; }
    }
  `;

  const SHAPES = {
    chat: [
      "M21 11.5a8.4 8.4 0 0 1-8.5 8.3 8.7 8.7 0 0 1-3.6-.8L4 20.5l1.4-4.3" +
        "A8 8 0 0 1 4 11.5a8.4 8.4 0 0 1 8.5-8.3A8.4 8.4 0 0 1 21 11.5z",
    ],
    down: ["M6 9.5l6 6 6-6"],
    clip: ["M20 11.2l-8.2 8.2a5 5 0 0 1-7.1-7.1l8.3-8.2a3.3 3.3 0 0 1 4.7 4.7l-8.2 8.2a1.7 1.7 0 0 1-2.4-2.4l7.6-7.5"],
    send: ["M12 19V5", "M6 11l6-6 6 6"],
    cross: ["M7 7l10 10", "M17 7L7 17"],
    leave: ["M14 4h6v6", "M20 4l-9 9", "M18 14v4a2 2 0 0 1-2 2H6a2 2 0 0 1-2-2V8a2 2 0 0 1 2-2h4"],
    page: ["M14 3H7a2 2 0 0 0-2 2v14a2 2 0 0 0 2 2h10a2 2 0 0 0 2-2V8z", "M14 3v5h5", "M9 13h6", "M9 17h4"],
  };

  /** Builds elements without ever reading text as HTML. */
  function element(tag, properties = {}, ...children) {
    const node = document.createElement(tag);
    for (const [key, value] of Object.entries(properties)) {
      if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
      else if (key.includes("-") || key === "role" || key === "for") node.setAttribute(key, value);
      else node[key] = value;
    }
    node.append(...children.filter((child) => child !== null));
    return node;
  }

  function pressable(className, onclick, ...children) {
    return element("button", { className, type: "button", onclick }, ...children);
  }

  function icon(name) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("viewBox", "0 0 24 24");
    svg.setAttribute("aria-hidden", "true");
    for (const shape of SHAPES[name]) {
      const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
      path.setAttribute("d", shape);
      svg.append(path);
    }
    return svg;
  }

  /** Addresses in a text become links; what ends the sentence around them does not belong to them. */
  function linked(text) {
    const parts = [];
    let from = 0;
    for (const found of text.matchAll(/https?:\/\/[^\s<>"'，。！？；、：（）《》「」『』【】]+/gi)) {
      const address = found[0].replace(/[.,;:!?)\]}]+$/, "");
      parts.push(text.slice(from, found.index));
      parts.push(safeLink(address, address) || address);
      from = found.index + address.length;
    }
    parts.push(text.slice(from));
    return parts.filter((part) => part !== "");
  }

  const LOOKS = { bold: "strong", italic: "em", struck: "s", typed: "code" };

  /** Runs of words, each with how it looks and where it leads. */
  function emphasised(runs) {
    return runs.flatMap((run) => {
      const styles = (run.styles || []).filter((style) => Object.hasOwn(LOOKS, style));
      if (!styles.length && !run.url) return linked(run.text);
      const node = styles.reduceRight((inner, style) => element(LOOKS[style], {}, inner), document.createTextNode(run.text));
      return [(run.url && safeLink(run.url, node)) || node];
    });
  }

  function safeLink(address, ...children) {
    let url;
    try {
      url = new URL(address);
    } catch {
      return null;
    }
    if (url.protocol !== "https:" && url.protocol !== "http:") return null;
    return element("a", { href: url.href, target: "_blank", rel: "noopener noreferrer nofollow" }, ...children);
  }

  function spoken(tag) {
    const [main, ...rest] = (tag || "").toLowerCase().replaceAll("_", "-").split("-");
    if (main !== "zh") return main ? "en" : null;
    const traditional = !rest.includes("hans") && rest.some((part) => ["hant", "tw", "hk", "mo"].includes(part));
    return traditional ? "zh-Hant" : "zh-Hans";
  }

  function fresh() {
    if (crypto.randomUUID) return crypto.randomUUID();
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  /** What outlives the page: the visitor's token, and each message until the server has stored it. */
  class Memory {
    constructor(server) {
      this.prefix = `rapport-chat:${server}:`;
      this.fallback = new Map();
    }

    read(key) {
      try {
        return JSON.parse(localStorage.getItem(this.prefix + key) ?? "null");
      } catch {
        return this.fallback.get(key) ?? null;
      }
    }

    write(key, value) {
      this.fallback.set(key, value);
      try {
        localStorage.setItem(this.prefix + key, JSON.stringify(value));
      } catch {
        // Storage is full or forbidden: the page's own memory has to do.
      }
    }

    forget(key) {
      this.fallback.delete(key);
      try {
        localStorage.removeItem(this.prefix + key);
      } catch {
        // As above.
      }
    }

    /** A key for each message: tabs that write at the same time do not overwrite each other. */
    outbox() {
      const items = new Map();
      for (const [key, value] of this.fallback) if (key.startsWith("out:")) items.set(value.id, value);
      try {
        for (let index = 0; index < localStorage.length; index++) {
          const key = localStorage.key(index);
          if (!key.startsWith(`${this.prefix}out:`)) continue;
          const item = this.read(key.slice(this.prefix.length));
          if (item) items.set(item.id, item);
        }
      } catch {
        // As above.
      }
      return [...items.values()].sort((one, other) => one.at - other.at || one.turn - other.turn);
    }
  }

  /** A connection to the server that comes back by itself: a socket, or long polls where sockets do not get through. */
  class Line {
    constructor(server, memory, listener) {
      this.server = server;
      this.memory = memory;
      this.listener = listener;
      this.after = null;
      this.identity = null;
      this.language = "en";
      this.stopped = true;
      this.failures = 0;
      this.socketFailures = 0;
      this.up = false;
    }

    start() {
      if (!this.stopped) return;
      this.stopped = false;
      this.hurry = () => this.soon(0);
      this.check = () => document.visibilityState === "visible" && this.ping();
      this.lose = () => this.listener.state("offline");
      addEventListener("online", this.hurry);
      addEventListener("offline", this.lose);
      document.addEventListener("visibilitychange", this.check);
      this.connect();
    }

    stop() {
      this.stopped = true;
      removeEventListener("online", this.hurry);
      removeEventListener("offline", this.lose);
      document.removeEventListener("visibilitychange", this.check);
      clearTimeout(this.timer);
      this.leave();
    }

    send(frame) {
      return this.up && this.wire !== null && this.wire.send(frame);
    }

    async connect() {
      clearTimeout(this.timer);
      this.leave();
      this.listener.state(navigator.onLine === false ? "offline" : "connecting");
      const round = (this.round = Symbol("connection"));
      let token;
      try {
        token = await this.token();
      } catch (problem) {
        if (round === this.round) this.failed(problem);
        return;
      }
      if (this.stopped || round !== this.round) return;
      if (this.socketFailures >= SOCKET_ATTEMPTS && Date.now() < this.socketAgain) this.poll(token);
      else this.dial(token);
    }

    leave() {
      clearInterval(this.heart);
      clearTimeout(this.silence);
      this.up = false;
      this.round = null;
      const wire = this.wire;
      this.wire = null;
      if (wire) wire.close();
    }

    /** The token that is kept, or a new visitor's. One tab at a time, so that two tabs do not become two visitors. */
    async token() {
      const visit = async () => {
        const kept = this.memory.read("visitor");
        if (this.identity === null && kept && !kept.identified) return kept.token;
        if (this.identity !== null && kept && kept.identity === this.identity) return kept.token;
        const body = this.identity === null ? {} : { identity: this.identity };
        const answer = await fetch(`${this.server}/visit`, {
          method: "POST",
          credentials: "omit",
          headers: { "Content-Type": "application/json" },
          body: JSON.stringify(body),
        });
        const fields = await answer.json();
        if (!answer.ok) throw Object.assign(new Error("visit refused"), { status: answer.status, frame: fields[0] });
        this.memory.write("visitor", { token: fields.token, identified: fields.identified, identity: this.identity });
        this.listener.stranger();
        return fields.token;
      };
      return navigator.locks ? navigator.locks.request(`${this.memory.prefix}visit`, visit) : visit();
    }

    dial(token) {
      const socket = new WebSocket(this.server.replace(/^http/, "ws") + "/socket");
      const current = () => this.wire === wire;
      const wire = {
        send: (frame) => socket.readyState === WebSocket.OPEN && (socket.send(JSON.stringify(frame)), true),
        close: () => socket.close(),
      };
      this.wire = wire;
      socket.onopen = () => wire.send({ type: "hello", token, after: this.after, language: this.language });
      socket.onmessage = (event) => {
        if (!current()) return;
        this.hear(JSON.parse(event.data));
        if (this.up) this.socketFailures = 0;
        this.socketWorked ||= this.up;
      };
      socket.onclose = (event) => {
        if (!current()) return;
        if (!this.up && event.code !== UNAUTHORIZED && event.code !== 1012 && event.code !== 1013) {
          this.socketFailures += 1;
          // Where a socket has worked before, it was the server that was away, not a proxy that was in the way.
          this.socketAgain = Date.now() + (this.socketWorked ? SOCKET_WORKED_AGAIN_MS : SOCKET_AGAIN_MS);
        }
        this.failed({ code: event.code });
      };
      this.heart = setInterval(() => this.ping(), HEARTBEAT_MS);
    }

    /** A dead connection looks like a quiet one until somebody asks. */
    ping() {
      if (!this.send({ type: "ping" })) return;
      clearTimeout(this.silence);
      this.silence = setTimeout(() => this.failed({}), SILENCE_MS);
    }

    async poll(token) {
      const stop = new AbortController();
      const headers = { Authorization: `Bearer ${token}` };
      const ask = async (end, options) => {
        const fixed = { headers, credentials: "omit", signal: stop.signal };
        const answer = await fetch(`${this.server}${end}`, { ...options, ...fixed });
        const frames = await answer.json();
        if (answer.status === 401 || (!answer.ok && end.startsWith("/poll"))) {
          throw Object.assign(new Error("refused"), { status: answer.status, frame: frames[0] });
        }
        return frames;
      };
      const wire = {
        send: (frame) => {
          if (frame.type === "ping") return false;
          ask(`/send?language=${this.language}`, { method: "POST", body: JSON.stringify(frame) })
            .then((frames) => this.wire === wire && frames.forEach((answer) => this.hear(answer)))
            .catch((problem) => this.wire === wire && this.failed(problem));
          return true;
        },
        close: () => stop.abort(),
      };
      this.wire = wire;
      try {
        while (this.wire === wire) {
          const first = this.after === null || !this.up;
          const rest = Math.max(1, Math.ceil((this.socketAgain - Date.now()) / 1000));
          const query = new URLSearchParams({ wait: first ? 0 : Math.min(POLL_SECONDS, rest) });
          if (this.after !== null) query.set("after", this.after);
          const frames = await ask(`/poll?${query}`, {});
          if (this.wire !== wire) return;
          frames.forEach((frame) => this.hear(frame));
          if (!this.up) this.hear({ type: "welcome", earlier: null });
          this.after ??= 0;
          if (Date.now() > this.socketAgain) return this.soon(0);
        }
      } catch (problem) {
        if (this.wire === wire) this.failed(problem);
      }
    }

    hear(frame) {
      clearTimeout(this.silence);
      if (frame.type === "welcome") {
        this.up = true;
        this.failures = 0;
        const kept = this.memory.read("visitor");
        if (frame.token && kept) this.memory.write("visitor", { ...kept, token: frame.token });
      }
      if (frame.type === "message") this.after = Math.max(this.after ?? 0, frame.position);
      this.listener.frame(frame);
      if (frame.type === "welcome") this.listener.state("online");
    }

    failed(problem) {
      if (problem.code === UNAUTHORIZED || problem.status === 401) this.memory.forget("visitor");
      const wait = problem.frame && problem.frame.retry_after ? problem.frame.retry_after * 1000 : 0;
      if (problem.status === 403) {
        this.leave();
        this.listener.state("refused", problem.frame && problem.frame.sentence);
        return;
      }
      const doubled = Math.min(LONGEST_WAIT_MS, 500 * 2 ** this.failures);
      this.failures += 1;
      this.leave();
      this.listener.state(navigator.onLine === false ? "offline" : "connecting");
      this.soon(Math.max(wait, doubled * (0.5 + Math.random() / 2)));
    }

    soon(delay) {
      if (this.stopped) return;
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.connect(), delay);
    }

    /** Where this visitor can go on as the same person; rejects with a sentence, or with null. */
    async links() {
      const token = await this.token().catch(() => Promise.reject(null));
      const query = new URLSearchParams({ language: this.language });
      const asked = { method: "POST", credentials: "omit", headers: { Authorization: `Bearer ${token}` } };
      const answer = await fetch(`${this.server}/link?${query}`, asked).catch(() => Promise.reject(null));
      const fields = await answer.json().catch(() => null);
      if (answer.ok && fields) return fields.links;
      return Promise.reject((Array.isArray(fields) && fields[0].sentence) || null);
    }

    /** Sends a file, telling how far it is; resolves to what a message needs to attach it. */
    upload(file, progress) {
      const request = new XMLHttpRequest();
      const done = this.token().then(
        (token) =>
          new Promise((resolve, reject) => {
            const query = new URLSearchParams({ name: file.name, language: this.language });
            request.open("POST", `${this.server}/upload?${query}`);
            request.setRequestHeader("Authorization", `Bearer ${token}`);
            request.setRequestHeader("Content-Type", "application/octet-stream");
            request.upload.onprogress = (event) => event.lengthComputable && progress(event.loaded / event.total);
            request.onload = () => {
              let answer = null;
              try {
                answer = JSON.parse(request.responseText);
              } catch {
                // A proxy's page instead of an answer.
              }
              if (request.status === 200 && answer) resolve(answer);
              else reject((Array.isArray(answer) && answer[0].sentence) || null);
            };
            request.onerror = () => reject(null);
            request.onabort = () => reject(null);
            request.send(file);
          }),
      );
      return { done, abort: () => request.abort() };
    }
  }

  class RapportChat extends HTMLElement {
    static observedAttributes = ["language", "title", "open", "identity", "server"];

    constructor() {
      super();
      this.thread = [];
      this.byPosition = new Map();
      this.byId = new Map();
      this.turn = 0;
      this.flying = null;
      this.pausedUntil = 0;
      this.uploads = [];
      this.acknowledgements = [];
      this.unread = 0;
      this.limits = { text: 20_000, upload: 10 << 20, types: [] };
      this.line = null;
      this.build();
    }

    connectedCallback() {
      this.tongue();
      this.memory = new Memory(this.server());
      this.line = new Line(this.server(), this.memory, {
        state: (state, sentence) => this.onState(state, sentence),
        frame: (frame) => this.onFrame(frame),
        stranger: () => this.forgetThread(),
      });
      this.line.identity = this.getAttribute("identity");
      this.line.language = this.language;
      for (const item of this.memory.outbox()) this.restore(item);
      this.viewport = () => this.fit();
      if (window.visualViewport) visualViewport.addEventListener("resize", this.viewport);
      if (this.hasAttribute("open")) this.show(false);
      else if (this.memory.read("visitor") || this.thread.length) this.line.start();
    }

    disconnectedCallback() {
      this.line.stop();
      this.line = null;
      if (window.visualViewport) visualViewport.removeEventListener("resize", this.viewport);
    }

    attributeChangedCallback(name, before, after) {
      if (!this.line || before === after) return;
      if (name === "open") {
        if (after === null) this.hide();
        else this.show(true);
      } else if (name === "identity" || name === "server") {
        this.disconnectedCallback();
        this.forgetThread();
        this.connectedCallback();
      } else {
        this.tongue();
      }
    }

    server() {
      const given = this.getAttribute("server");
      const url = new URL(given || "/webchat", given ? location.href : SCRIPT || location.href);
      if (url.pathname === "/") url.pathname = "/webchat";
      return url.origin + url.pathname.replace(/\/$/, "");
    }

    // ---- what it looks like

    build() {
      const root = this.attachShadow({ mode: "open" });
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(STYLE);
      root.adoptedStyleSheets = [sheet];

      this.badge = element("span", { className: "badge", hidden: true, "aria-hidden": "true" });
      this.launcher = pressable("launcher", () => this.toggle());
      this.mark = element("span", { className: "mark", "aria-hidden": "true" });
      this.heading = element("h2", { id: "title" });
      this.subtitle = element("p", { className: "subtitle" });
      const names = element("div", { className: "names" }, this.heading, this.subtitle);
      this.leaver = pressable("icon", () => this.goElsewhere(), icon("leave"));
      this.leaver.hidden = true;
      this.leaver.setAttribute("aria-expanded", "false");
      this.closer = pressable("icon", () => this.toggle(), icon("cross"));
      this.banner = element("div", { className: "banner", role: "status", hidden: true });
      this.earlier = pressable("earlier", () => this.askEarlier());
      this.earlier.hidden = true;
      this.greeting = element("p", { className: "greeting", dir: "auto" });
      this.log = element("div", { className: "log", role: "log", "aria-live": "polite", "aria-relevant": "additions" });
      this.log.tabIndex = 0; // so that the keyboard can scroll it
      const dots = [element("i"), element("i"), element("i")];
      this.dots = element("div", { className: "typing", hidden: true, role: "img" }, ...dots);
      const content = [this.earlier, this.greeting, this.log, this.dots];
      this.scroller = element("div", { className: "scroll", onscroll: () => this.onScroll() }, ...content);
      this.newest = pressable("newest", () => this.toEnd());
      this.newest.hidden = true;
      this.status = element("div", { className: "hush", role: "status" });
      this.chips = element("div", { className: "uploads", hidden: true });
      this.picker = element("input", { type: "file", multiple: true, hidden: true, onchange: () => this.pick() });
      this.attach = pressable("icon", () => this.picker.click(), icon("clip"));
      this.field = element("textarea", {
        rows: 1,
        dir: "auto",
        enterKeyHint: "send",
        autocomplete: "off",
        oninput: () => this.onInput(),
        onkeydown: (event) => this.onKey(event),
        onpaste: (event) => this.take(event, event.clipboardData),
      });
      this.sender = pressable("icon send", () => this.write(), icon("send"));
      this.sender.disabled = true;
      this.count = element("p", { className: "count", role: "status", hidden: true });
      this.panel = element(
        "section",
        {
          className: "panel",
          role: "dialog",
          "aria-labelledby": "title",
          hidden: true,
          onkeydown: (event) => this.onPanelKey(event),
          ondragover: (event) => this.onDrag(event, true),
          ondragleave: (event) => this.onDrag(event, false),
          ondrop: (event) => this.onDrag(event, false) && this.take(event, event.dataTransfer),
        },
        element("header", {}, this.mark, names, this.leaver, this.closer),
        this.banner,
        this.buildElsewhere(),
        this.scroller,
        element(
          "footer",
          {},
          this.newest,
          element(
            "div",
            { className: "field" },
            this.chips,
            element("div", { className: "row" }, this.attach, this.field, this.sender),
            this.count,
          ),
          this.picker,
        ),
        this.status,
      );
      root.append(this.panel, this.launcher);
      // The element's own `title` names the chat; it is no tooltip for everything inside.
      this.panel.title = this.launcher.title = "";
      // Pictures load, the keyboard opens, the field grows: whoever reads the end goes on reading the end.
      this.atBottom = true;
      const follow = new ResizeObserver(() => this.atBottom && this.toEnd());
      follow.observe(this.scroller);
      follow.observe(this.log);
    }

    /** The card with a link into another channel. */
    buildElsewhere() {
      const heading = element("h3", { id: "elsewhere" });
      const close = pressable("icon", () => this.stay(), icon("cross"));
      const why = element("p", { id: "elsewhere-why" });
      const open = element("a", { className: "way", target: "_blank", rel: "noopener noreferrer" });
      open.setAttribute("aria-describedby", "elsewhere-why");
      open.addEventListener("click", () => setTimeout(() => this.stay())); // the link counts once
      const copy = pressable("way", () => this.copyLink());
      const ways = element("div", { className: "ways", hidden: true }, open, copy);
      const top = element("div", { className: "elsewhere-top" }, heading, close);
      const card = element("section", { className: "elsewhere", hidden: true, tabIndex: -1 }, top, why, ways);
      card.setAttribute("aria-labelledby", "elsewhere");
      card.setAttribute("aria-describedby", "elsewhere-why");
      const parts = { card, heading, close, why, ways, open, copy };
      this.elsewhere = { channel: null, problem: null, ready: false, copied: false, ...parts };
      return card;
    }

    /** Finds the language and says everything again in it. */
    tongue() {
      const tags = [this.getAttribute("language"), document.documentElement.lang, navigator.language];
      this.language = tags.map(spoken).find((language) => language !== null) ?? "en";
      this.lang = this.language;
      if (this.line) this.line.language = this.language;
      const title = this.getAttribute("title") || this.say("title");
      this.heading.textContent = title;
      this.mark.textContent = [...title][0].toUpperCase();
      this.closer.ariaLabel = this.say("close");
      this.sayElsewhere();
      this.earlier.textContent = this.say("earlier");
      this.newest.textContent = this.say("newest");
      this.greeting.textContent = this.say("greeting");
      this.log.ariaLabel = this.say("log");
      this.field.placeholder = this.field.ariaLabel = this.say("placeholder");
      this.attach.ariaLabel = this.attach.title = this.say("attach");
      this.sender.ariaLabel = this.sender.title = this.say("send");
      this.picker.ariaLabel = this.say("attach");
      this.dots.ariaLabel = this.say("typing");
      this.panel.dataset.drop = this.say("drop");
      this.onState(this.state || "idle");
      this.label();
      for (const entry of this.thread) this.redraw(entry);
      this.decorate();
    }

    say(key, values = {}) {
      return TEXTS[this.language][key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
    }

    label() {
      const open = !this.panel.hidden;
      this.launcher.replaceChildren(icon(open ? "down" : "chat"), this.badge);
      this.launcher.ariaExpanded = String(open);
      const invitation = this.unread ? this.say("openUnread", { count: this.unread }) : this.say("open");
      this.launcher.ariaLabel = open ? this.say("close") : invitation;
      this.badge.hidden = open || this.unread === 0;
      this.badge.textContent = this.unread > 99 ? "99+" : String(this.unread);
    }

    // ---- open and closed

    toggle() {
      this.toggleAttribute("open", this.panel.hidden);
    }

    show(focus) {
      this.panel.hidden = false;
      this.panel.ariaModal = String(this.fillsScreen());
      this.unread = 0;
      this.memory.write("seen", Math.max(0, ...this.byPosition.keys()));
      this.label();
      this.fit();
      this.line.start();
      this.toEnd();
      this.acknowledge();
      if (focus) this.field.focus({ preventScroll: true });
    }

    hide() {
      const inside = this.shadowRoot.activeElement !== null;
      this.panel.hidden = true;
      this.label();
      if (inside) this.launcher.focus();
    }

    fillsScreen() {
      return matchMedia("(max-width: 480px)").matches;
    }

    /** On a phone the keyboard covers the page without shrinking it: follow what is left to see. */
    fit() {
      if (!window.visualViewport || !this.fillsScreen()) return;
      this.style.setProperty("--height", `${visualViewport.height}px`);
      this.style.setProperty("--top", `${visualViewport.offsetTop}px`);
    }

    onPanelKey(event) {
      if (event.key === "Escape" && !event.isComposing) {
        event.stopPropagation();
        if (this.elsewhere.card.contains(this.shadowRoot.activeElement)) this.stay();
        else this.removeAttribute("open");
      } else if (event.key === "Tab" && this.fillsScreen()) {
        const stops = [...this.panel.querySelectorAll("button, a[href], textarea, [tabindex='0']")].filter(
          (stop) => !stop.disabled && stop.offsetParent !== null,
        );
        const [end, start] = event.shiftKey ? [stops[0], stops.at(-1)] : [stops.at(-1), stops[0]];
        if (this.shadowRoot.activeElement === end) {
          event.preventDefault();
          start.focus();
        }
      }
    }

    // ---- going on in another channel

    /** There has to be somewhere to go, and somebody whom we would know there: who has written. */
    offerElsewhere() {
      const { channel, card } = this.elsewhere;
      this.leaver.hidden = channel === null || !this.thread.some((entry) => entry.mine && entry.state === "delivered");
      if (this.leaver.hidden && !card.hidden) this.stay();
    }

    /** Links count once and end with the next one, so each opening asks for one of its own. */
    async goElsewhere() {
      const { channel, card, open } = this.elsewhere;
      if (!card.hidden) {
        this.stay();
        return;
      }
      const asked = (this.elsewhere.asked = Symbol("link"));
      Object.assign(this.elsewhere, { problem: null, ready: false, copied: false });
      card.hidden = false;
      this.sayElsewhere();
      card.focus({ preventScroll: true });
      let link = null;
      let problem = null;
      try {
        const found = (await this.line.links()).find((way) => way.channel === channel);
        link = found ? safeLink(found.url) : null;
      } catch (sentence) {
        problem = typeof sentence === "string" ? sentence : null;
      }
      if (this.elsewhere.asked !== asked || card.hidden) return;
      if (link) open.href = link.href;
      else this.elsewhere.problem = problem ?? this.say("elsewhereFailed");
      this.elsewhere.ready = link !== null;
      this.sayElsewhere();
      this.status.textContent = link ? this.say("elsewhereReady") : this.elsewhere.problem;
      if (link && this.shadowRoot.activeElement === card) open.focus();
    }

    stay() {
      const { card, open } = this.elsewhere;
      const inside = card.contains(this.shadowRoot.activeElement);
      card.hidden = true;
      open.removeAttribute("href");
      this.sayElsewhere();
      if (inside) (this.leaver.hidden ? this.field : this.leaver).focus();
    }

    async copyLink() {
      try {
        await navigator.clipboard.writeText(this.elsewhere.open.href);
      } catch {
        return; // forbidden by the page or the browser: the link itself can still be opened
      }
      this.elsewhere.copied = true;
      this.sayElsewhere();
      this.status.textContent = this.say("copied");
    }

    sayElsewhere() {
      const { channel, problem, ready, copied, card, heading, close, why, ways, open, copy } = this.elsewhere;
      const named = { channel: CHANNELS[channel] ?? channel };
      this.leaver.ariaLabel = this.leaver.title = heading.textContent = this.say("elsewhere", named);
      this.leaver.ariaExpanded = String(!card.hidden);
      close.ariaLabel = this.say("elsewhereClose");
      why.textContent = problem ?? this.say(ready ? "elsewhereWhy" : "elsewhereWait");
      why.className = problem ? "bad" : "";
      ways.hidden = !ready;
      open.textContent = this.say("elsewhereOpen", named);
      copy.textContent = this.say(copied ? "copied" : "copy");
      copy.hidden = !navigator.clipboard;
    }

    // ---- writing

    onKey(event) {
      // While an input method composes, Enter chooses a candidate; Safari reports that only by the old key code 229.
      if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
      event.preventDefault();
      this.write();
    }

    onInput() {
      this.field.style.height = "44px";
      this.field.style.height = `${Math.min(132, this.field.scrollHeight)}px`;
      const over = [...this.field.value].length - this.limits.text;
      const near = over > -this.limits.text / 10;
      this.count.hidden = !near;
      this.count.className = over > 0 ? "count bad" : "count";
      const used = `${this.limits.text + over} / ${this.limits.text}`;
      this.count.textContent = over > 0 ? this.say("tooLong", { count: over }) : near ? used : "";
      const uploading = this.uploads.some((upload) => upload.answer === undefined);
      const ready = this.uploads.some((upload) => upload.answer);
      this.sender.disabled = uploading || over > 0 || (!this.field.value.trim() && !ready);
      const now = Date.now();
      if (this.field.value && now - (this.typedAt || 0) > TYPING_EVERY_MS && this.line) {
        if (this.line.send({ type: "typing" })) this.typedAt = now;
      }
    }

    write() {
      this.onInput();
      if (this.sender.disabled) return;
      const files = this.uploads.filter((upload) => upload.answer).map((upload) => upload.answer);
      this.post({ type: "message", text: this.field.value.trim(), files });
      this.field.value = "";
      this.typedAt = 0;
      for (const upload of this.uploads) upload.node.remove();
      this.uploads = [];
      this.chips.hidden = true;
      this.onInput();
      this.field.focus();
    }

    /** Into the outbox first, then onto the line: what the customer wrote survives whatever happens next. */
    post(fields) {
      const item = { id: fresh(), at: Date.now(), turn: this.turn++, ...fields };
      const start = this.getAttribute("start");
      if (start && !this.started && item.type === "message") item.start = start;
      this.started = true;
      this.memory.write(`out:${item.id}`, item);
      this.restore(item);
      this.toEnd();
      this.flush();
    }

    restore(item) {
      if (this.byId.has(item.id)) return;
      this.add({
        id: item.id,
        mine: true,
        author: "customer",
        text: item.label ?? item.text,
        value: item.value ?? item.text,
        files: item.files || [],
        buttons: [],
        at: new Date(item.at),
        item,
        state: "sending",
      });
    }

    /** One message is in flight at a time: what fails is never overtaken by what was written after it. */
    flush() {
      if (this.flying !== null || !this.line || Date.now() < this.pausedUntil) return;
      const entry = this.thread.find((waiting) => waiting.state === "sending");
      if (!entry) return;
      const { id, type, text, value, of, start, files } = entry.item;
      const frame =
        type === "press"
          ? { type, id, value, position: of }
          : { type, id, text, start, attachments: (files || []).map((file) => file.id) };
      if (this.line.send(frame)) this.flying = id;
    }

    // ---- what the line says

    onState(state, sentence) {
      this.state = state;
      this.flying = null;
      const calm = state === "online" || state === "idle";
      this.subtitle.textContent = this.say(state === "connecting" ? "connecting" : "subtitle");
      this.subtitle.className = calm ? "subtitle" : "subtitle waiting";
      if (calm) {
        clearTimeout(this.quiet);
        this.quiet = undefined;
        this.banner.hidden = true;
        this.flush();
      } else if (state === "refused") {
        this.tell(sentence || this.say("reconnecting"), true);
      } else if (state === "offline") {
        this.tell(this.say("offline"));
      } else if (!this.banner.hidden) {
        this.tell(this.say("reconnecting"));
      } else {
        // A short break is not worth a word; a row of attempts is one break.
        const speak = () => this.state === "connecting" && this.tell(this.say("reconnecting"));
        this.quiet ??= setTimeout(speak, QUIET_MS);
      }
    }

    tell(sentence, bad = false) {
      this.banner.className = bad ? "banner bad" : "banner";
      if (this.banner.textContent !== sentence) this.banner.textContent = sentence;
      this.banner.hidden = false;
    }

    onFrame(frame) {
      switch (frame.type) {
        case "welcome":
          this.onWelcome(frame);
          break;
        case "message":
          this.onMessage(frame, true);
          break;
        case "history":
          this.onHistory(frame);
          break;
        case "accepted":
          this.onAccepted(frame);
          break;
        case "typing":
          this.onTyping();
          break;
        case "error":
          this.onError(frame);
          break;
        default: // `pong`, and what a newer server may say
      }
    }

    onWelcome(frame) {
      if (frame.limits) {
        this.limits = frame.limits;
        this.picker.accept = frame.limits.types.join(",");
        this.attach.hidden = !this.limits.upload || frame.limits.types.length === 0;
      }
      if (frame.links) {
        this.elsewhere.channel = frame.links.find((channel) => channel in CHANNELS) ?? null;
        this.sayElsewhere();
        this.offerElsewhere();
      }
      if (frame.earlier !== null && frame.earlier !== undefined) {
        this.earlier.hidden = !frame.earlier;
        // The first page is not news: a screen reader shall not read it all out.
        this.log.ariaLive = "off";
        setTimeout(() => (this.log.ariaLive = "polite"), 1000);
      }
    }

    onMessage(frame, live) {
      if (frame.author !== "customer") {
        this.acknowledgements.push(frame.position);
        this.acknowledge();
      }
      if (this.byPosition.has(frame.position)) return;
      const own = frame.id && this.byId.get(frame.id);
      if (own) {
        this.onAccepted(frame);
        return;
      }
      if (frame.custom) {
        const detail = { position: frame.position, payload: frame.custom, live };
        this.dispatchEvent(new CustomEvent("custom", { detail }));
        if (!frame.text && !frame.attachments && !frame.buttons) {
          // The page's affair alone: it has no bubble, and is told once.
          this.byPosition.set(frame.position, null);
          this.dots.hidden = true;
          return;
        }
      }
      const atEnd = this.atBottom;
      const entry = this.add({
        id: frame.id,
        position: frame.position,
        mine: frame.author === "customer",
        author: frame.author,
        name: frame.name,
        text: frame.text,
        value: frame.text,
        files: frame.attachments || [],
        buttons: frame.buttons || [],
        rich: Array.isArray(frame.rich) ? frame.rich : null,
        at: new Date(frame.at),
        state: "delivered",
      });
      if (!live) return;
      this.dots.hidden = true;
      if (atEnd) this.toEnd();
      else if (!entry.mine) this.newest.hidden = false;
      if (entry.mine) return;
      if (!this.panel.hidden) this.memory.write("seen", frame.position);
      else if (frame.position > (this.memory.read("seen") ?? 0)) {
        this.unread += 1;
        this.label();
      }
    }

    onHistory(frame) {
      const height = this.scroller.scrollHeight - this.scroller.scrollTop;
      this.atBottom = false;
      this.log.ariaLive = "off";
      for (const message of frame.messages) this.onMessage(message, false);
      for (const entry of this.thread) if (entry.mine && entry.value !== this.labelOf(entry)) this.redraw(entry);
      this.decorate();
      this.earlier.hidden = !frame.earlier;
      this.earlier.disabled = false;
      this.scroller.scrollTop = this.scroller.scrollHeight - height;
      setTimeout(() => (this.log.ariaLive = "polite"), 1000);
    }

    onAccepted(frame) {
      this.memory.forget(`out:${frame.id}`);
      if (this.flying === frame.id) this.flying = null;
      const entry = this.byId.get(frame.id);
      if (entry && entry.state !== "delivered") {
        entry.state = "delivered";
        entry.position = frame.position ?? undefined;
        if (entry.position !== undefined) this.byPosition.set(entry.position, entry);
        this.place(entry);
        this.decorate();
      }
      this.flush();
    }

    onTyping() {
      this.dots.hidden = false;
      if (this.atBottom) this.toEnd();
      clearTimeout(this.dotsTimer);
      this.dotsTimer = setTimeout(() => (this.dots.hidden = true), TYPING_SHOWN_MS);
    }

    onError(frame) {
      const entry = frame.id && this.byId.get(frame.id);
      if (this.flying === frame.id) this.flying = null;
      if (PASSING.has(frame.code)) {
        const wait = (frame.retry_after || 2) * 1000;
        this.pausedUntil = Date.now() + wait;
        setTimeout(() => this.flush(), wait + 20);
        this.tell(frame.sentence);
        setTimeout(() => this.state === "online" && (this.banner.hidden = true), wait + 2000);
      } else if (entry) {
        entry.state = "failed";
        entry.problem = frame.sentence;
        this.memory.forget(`out:${entry.id}`);
        this.status.textContent = `${this.say("failed")}: ${frame.sentence}`;
        this.decorate();
        this.flush();
      } else if (frame.code !== "unauthorized") {
        this.tell(frame.sentence, true); // a token that has expired is renewed without a word
      }
    }

    /** Everything that has arrived since the last time, in one frame. */
    acknowledge() {
      if (this.acknowledging || this.acknowledgements.length === 0) return;
      this.acknowledging = true;
      queueMicrotask(() => {
        this.acknowledging = false;
        while (this.acknowledgements.length && this.line) {
          const positions = this.acknowledgements.splice(0, 100);
          if (!this.line.send({ type: "delivered", positions })) {
            this.acknowledgements = [];
            return; // they come again with the next resume
          }
        }
      });
    }

    askEarlier() {
      const first = this.thread.find((entry) => entry.position !== undefined);
      if (first && this.line.send({ type: "earlier", before: first.position })) this.earlier.disabled = true;
    }

    /** The visitor is another one now: what was shown belongs to somebody else, what is unsent is kept. */
    forgetThread() {
      for (const entry of this.thread) entry.node.remove();
      for (const day of this.log.querySelectorAll(".day")) day.remove();
      const waiting = this.thread.filter((entry) => entry.state === "sending");
      this.thread = [];
      this.byPosition.clear();
      this.byId.clear();
      this.unread = 0;
      if (this.line) this.line.after = null;
      for (const entry of waiting) this.restore(entry.item);
      this.decorate();
      this.label();
    }

    // ---- the conversation

    add(entry) {
      entry.turn = this.turn++;
      if (entry.id) this.byId.set(entry.id, entry);
      if (entry.position !== undefined) this.byPosition.set(entry.position, entry);
      entry.node = element("div", { className: "message fresh" });
      this.thread.push(entry);
      this.redraw(entry);
      this.place(entry);
      this.decorate();
      return entry;
    }

    redraw(entry) {
      const text = entry.mine ? this.labelOf(entry) : entry.text;
      entry.author_node = element("span", { className: "author" });
      entry.bubble = text ? element("div", { className: "bubble", dir: "auto" }, ...(entry.rich ? emphasised(entry.rich) : linked(text))) : null;
      entry.foot = element("div", { className: "foot" });
      entry.choices = entry.buttons.length ? this.choicesOf(entry) : null;
      const parts = [entry.author_node, this.filesOf(entry), entry.bubble, entry.choices, entry.foot];
      entry.node.replaceChildren(...parts.filter((part) => part !== null));
    }

    /** A pressed button comes back from the stream as its value; people want to see what they pressed. */
    labelOf(entry) {
      for (const other of this.thread) {
        const pressed = other.buttons.find((button) => button.value === entry.text && !button.url);
        if (pressed && (other.position ?? 0) < (entry.position ?? Infinity)) return pressed.label;
      }
      return entry.text;
    }

    choicesOf(entry) {
      const choices = entry.buttons.map((button) => {
        const link = button.url && safeLink(button.url, button.label);
        if (link) {
          link.className = "choice";
          link.dir = "auto";
          return link;
        }
        const choice = pressable("choice", () => this.press(entry, button), button.label);
        choice.dir = "auto";
        choice.dataset.value = button.value;
        return choice;
      });
      return element("div", { className: "choices", role: "group", "aria-label": this.say("choices") }, ...choices);
    }

    press(entry, button) {
      entry.pressed = button.value;
      this.post({ type: "press", text: button.label, label: button.label, value: button.value, of: entry.position });
      if (!this.fillsScreen()) this.field.focus();
    }

    filesOf(entry) {
      const files = entry.files.map((file) => {
        const url = file.url ? new URL(file.url, `${this.server()}/`).href : null;
        if (file.kind === "image" && url) {
          const image = element("img", { src: url, alt: file.name || "", referrerPolicy: "no-referrer" });
          const link = safeLink(url, image);
          link.className = "picture";
          // A page's policy, or the picture's own server, may not allow it here: the link still leads to it.
          image.addEventListener("error", () => link.replaceWith(safeLink(url, url)));
          return link;
        }
        const facts = element("span", {}, element("b", { dir: "auto", textContent: file.name || file.kind }));
        if (file.size) facts.append(element("small", { textContent: this.size(file.size) }));
        const card = (url && safeLink(url)) || element("span");
        card.className = "file";
        card.append(icon("page"), facts);
        return card;
      });
      return files.length ? element("div", { className: "files" }, ...files) : null;
    }

    size(bytes) {
      const [unit, value] = bytes < 1 << 20 ? ["kilobyte", bytes / 1024] : ["megabyte", bytes / (1 << 20)];
      const shown = value < 10 ? Math.max(1, Math.round(value * 10) / 10) : Math.round(value);
      return new Intl.NumberFormat(this.language, { style: "unit", unit, unitDisplay: "short" }).format(shown);
    }

    /** Keeps thread and page in the order of the stream; what is not stored yet stands at the end. */
    place(entry) {
      const order = (one, other) => (one.position ?? Infinity) - (other.position ?? Infinity) || one.turn - other.turn;
      // Infinity - Infinity is NaN, which falls through to the order of writing.
      this.thread.sort(order);
      const next = this.thread[this.thread.indexOf(entry) + 1];
      const before = next ? next.node : null;
      if (entry.node.parentNode === null || entry.node.nextElementSibling !== before) {
        this.log.insertBefore(entry.node, before);
      }
    }

    /** Days, groups, states and quick replies depend on the neighbours. */
    decorate() {
      let previous = null;
      const lastMine = this.thread.findLast((entry) => entry.mine);
      this.offerElsewhere();
      this.greeting.hidden = this.thread.length > 0 && !this.earlier.hidden;
      this.thread.forEach((entry, index) => {
        const next = this.thread[index + 1];
        const newDay = !previous || previous.at.toDateString() !== entry.at.toDateString();
        this.separate(entry, newDay);
        const first = newDay || !sameGroup(previous, entry);
        const last = !next || next.at.toDateString() !== entry.at.toDateString() || !sameGroup(entry, next);
        entry.node.classList.toggle("mine", entry.mine);
        entry.node.classList.toggle("theirs", !entry.mine);
        entry.node.classList.toggle("first", first);
        entry.node.classList.toggle("last", last);
        entry.node.classList.toggle("pending", entry.state === "sending");
        entry.author_node.textContent = this.authorOf(entry);
        this.stateOf(entry, entry === lastMine);
        this.settleChoices(entry);
        previous = entry;
      });
    }

    authorOf(entry) {
      if (entry.mine) return this.say("you");
      return entry.name || this.say(entry.author === "agent" ? "agent" : "assistant");
    }

    stateOf(entry, newest) {
      const time = element("time", {
        dateTime: entry.at.toISOString(),
        textContent: new Intl.DateTimeFormat(this.language, { hour: "numeric", minute: "2-digit" }).format(entry.at),
      });
      const shown = entry.state === "failed" ? "failed" : `${entry.state}${newest}${this.language}`;
      if (entry.shown === shown && entry.foot.childElementCount) return;
      entry.shown = shown;
      entry.foot.className = entry.state === "failed" ? "foot bad kept" : "foot";
      entry.foot.replaceChildren(time);
      if (entry.state === "failed") {
        entry.foot.replaceChildren(
          element("span", { textContent: entry.problem || this.say("failed") }),
          element("button", { type: "button", textContent: this.say("retry"), onclick: () => this.again(entry) }),
          element("button", { type: "button", textContent: this.say("discard"), onclick: () => this.discard(entry) }),
        );
      } else if (entry.mine && newest) {
        entry.foot.append(element("span", { className: "state", textContent: this.say(entry.state) }));
      }
    }

    again(entry) {
      this.discard(entry);
      const { type, text, label, value, of, files } = entry.item;
      this.post({ type, text, label, value, of, files });
    }

    discard(entry) {
      entry.node.remove();
      if (entry.day) entry.day.remove();
      this.byId.delete(entry.id);
      this.thread = this.thread.filter((other) => other !== entry);
      this.decorate();
      this.field.focus();
    }

    separate(entry, newDay) {
      const key = entry.at.toDateString() + this.language;
      if (!newDay || (entry.day && entry.day.dataset.key !== key)) {
        if (entry.day) entry.day.remove();
        entry.day = null;
      }
      if (!newDay) return;
      if (!entry.day) {
        entry.day = element("div", { className: "day", textContent: this.dayOf(entry.at) });
        entry.day.dataset.key = key;
      }
      if (entry.node.previousElementSibling !== entry.day) this.log.insertBefore(entry.day, entry.node);
    }

    dayOf(at) {
      const midnight = (date) => new Date(date.getFullYear(), date.getMonth(), date.getDate());
      const days = Math.round((midnight(at) - midnight(new Date())) / 86_400_000);
      const capital = (text) => text.charAt(0).toLocaleUpperCase(this.language) + text.slice(1);
      const recent = new Intl.RelativeTimeFormat(this.language, { numeric: "auto" });
      if (days === 0 || days === -1) return capital(recent.format(days, "day"));
      const year = at.getFullYear() === new Date().getFullYear() ? undefined : "numeric";
      const shown = { weekday: "long", day: "numeric", month: "long", year };
      return new Intl.DateTimeFormat(this.language, shown).format(at);
    }

    /** Quick replies answer what was asked last; once there is an answer, they only show what was chosen. */
    settleChoices(entry) {
      if (!entry.choices) return;
      const answered = this.thread.slice(this.thread.indexOf(entry) + 1).find((later) => later.mine);
      for (const choice of entry.choices.querySelectorAll("button")) {
        choice.disabled = answered !== undefined;
        choice.classList.toggle("chosen", answered !== undefined && answered.value === choice.dataset.value);
      }
    }

    atEnd() {
      return this.scroller.scrollHeight - this.scroller.scrollTop - this.scroller.clientHeight < 80;
    }

    toEnd() {
      this.atBottom = true;
      this.scroller.scrollTop = this.scroller.scrollHeight;
      this.newest.hidden = true;
    }

    onScroll() {
      this.atBottom = this.atEnd();
      if (this.atBottom) this.newest.hidden = true;
    }

    // ---- files

    pick() {
      for (const file of this.picker.files) this.upload(file);
      this.picker.value = "";
    }

    take(event, transfer) {
      const files = transfer ? [...transfer.files] : [];
      if (files.length === 0) return;
      event.preventDefault();
      for (const file of files) this.upload(file);
    }

    onDrag(event, over) {
      if (!event.dataTransfer || !event.dataTransfer.types.includes("Files")) return false;
      event.preventDefault();
      this.panel.classList.toggle("dropping", over);
      return true;
    }

    upload(file) {
      if (this.attach.hidden) return;
      const name = element("span", { dir: "auto", textContent: file.name });
      const bar = element("progress", { max: 1, value: 0, "aria-label": this.say("uploading", { name: file.name }) });
      const remove = pressable("icon", () => this.withdraw(upload), icon("cross"));
      remove.ariaLabel = this.say("remove", { name: file.name });
      const upload = { node: element("div", { className: "upload" }, name, remove, bar), answer: undefined };
      this.uploads.push(upload);
      this.chips.append(upload.node);
      this.chips.hidden = false;
      if (file.size > this.limits.upload) {
        this.refuseUpload(upload, this.say("uploadTooLarge", { name: file.name, size: this.size(this.limits.upload) }));
        return;
      }
      const { done, abort } = this.line.upload(file, (part) => (bar.value = part));
      upload.abort = abort;
      done
        .then((answer) => {
          upload.answer = answer;
          bar.hidden = true;
        })
        .catch((sentence) => {
          const known = typeof sentence === "string";
          this.refuseUpload(upload, known ? sentence : this.say("uploadFailed", { name: file.name }));
        })
        .finally(() => this.onInput());
      this.onInput();
    }

    refuseUpload(upload, sentence) {
      upload.answer = null;
      upload.node.classList.add("bad");
      upload.node.querySelector("span").textContent = sentence;
      upload.node.querySelector("progress").hidden = true;
      this.status.textContent = sentence;
      this.onInput();
    }

    withdraw(upload) {
      if (upload.answer === undefined && upload.abort) upload.abort();
      upload.node.remove();
      this.uploads = this.uploads.filter((other) => other !== upload);
      this.chips.hidden = this.uploads.length === 0;
      this.onInput();
      this.field.focus();
    }
  }

  function sameGroup(one, other) {
    const sameAuthor = one.mine === other.mine && one.author === other.author && one.name === other.name;
    return sameAuthor && other.at - one.at < GROUP_MS;
  }

  if (!customElements.get("rapport-chat")) customElements.define("rapport-chat", RapportChat);
})();
