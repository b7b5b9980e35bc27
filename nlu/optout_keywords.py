"""The words that stop, grant or ask about what we send, in many languages.

Sources: 47 CFR 64.1200(a)(10); the lists of Twilio, AWS, Telnyx, Braze and Sent; CTIA's Messaging Principles; T, TD, R
and 退订 as printed under commercial texts in China. YES is in no list: it answers whoever asked.
"""

from __future__ import annotations


def _list(words: str) -> tuple[str, ...]:
    return tuple(" ".join(word.split()) for word in words.split(","))


WITHDRAWS_EVERYWHERE = _list(
    """stop, stop all, stopall, unsubscribe, unsubscribe me, unsubscribe all, un subscribe, unsub, unsuscribe,
    unsubcribe,
    unsubscibe, unsubscirbe, unsubscripe, opt out, optout, opt me out, revoke,
    td, td退订, t退订, 退订, 退定短信, 我要退订, 我想退订, 请退订, 帮我退订, 怎么退订, 如何退订, 取消订阅, 退阅,
    不要再发了, 别再发了,
    不要再给我发了, 别再给我发了, 不要再发, 别再发,
    arrêt, arrêter, stopp, désabonner, désabonnement, me désabonner, désinscrire, désinscription,
    baja, darme de baja, dar de baja, date de baja, desuscribir, desuscribirme, cancelar suscripción,
    abmelden, abbestellen, austragen, descadastrar, descadastre, disiscrivi, disiscrivimi, afmelden, uitschrijven,
    afmeld,
    avmeld, avregistrera, avprenumerera, lopeta, wypisz, wypisz mnie, odhlásit, leiratkozás, dezabonare, dezabonează,
    стоп, стоп смс, отписаться, отпиши, отпишите, отписка, відписатися, berhenti langganan, 配信停止, 配信解除,
    수신거부,
    수신 거부, 구독취소"""
)
"""Words that mean nothing else, on whatever channel."""
WITHDRAWS_AS_WHOLE_MESSAGE = _list(
    """end, quit, cancel, remove, remove me, take me off, stop it, stop this, stop that, leave me alone, fuck off,
    lose my number, reply stop, text stop, cancel all, end all, quit all, no more, stop2end, stop2quit, stop sending,
    stop messaging, make it stop, do not text, no texts, cancel texts, cancel messages, end texts, end messages,
    revoke consent, remove my number, delete my number, unsubscribe from all, i want off this list,
    退订回t, 退订回td, 退订回r, 退订回复t, 退订回复td, 退订回复r, 回复r退订, 回r, 回复r, 拒收回r, 拒收回复r, 回r拒收,
    回复r拒收, 回t拒收, qx, 回qx, 回复qx, 取消短信, 取消简讯, 取消接收, 拒收短信, 拒收简讯, 拒收信息, 停止接收,
    停止短信, 停发, 停发短信, 不再接收, 不想收到, 不想再收到, 不想收了, 不收了, 别发短信了, 不要发短信了, 别发信息了,
    不要发信息了, 别再发送, 不要再发送, 请勿再发, 勿再发, 勿再发送, 以后别发了, 以后不要发了, 不要打扰我,
    别打扰我, 别再打扰我,
    t, tt, r, r退订, 退订t, 退订td, 退订r, 回t退订, 回td退订, 回复t退订, 回复td退订, 回r退订, 回t, 回td, 回复t,
    回复td, 回复退订, 退, 停,
    停止, 停止发送, 取消, 结束, 拒收, 拒绝, 别发了, 不要发了, 勿发, 勿扰, 请勿打扰, 请勿骚扰, 不要打扰, 别打扰,
    别烦我, 别再烦我, 不需要, 滚,
    alto, parar, para ya, cancelar, sair, remover, cancella, annulla, avsluta, peru, peruuta, koniec, anuluj, iptal,
    dur,
    ret, red, huy, hủy, dừng, dung, từ chối, tu choi, batal, berhenti, ยกเลิก, 停止して, 解除, 거부, 중지, 취소,
    إلغاء, الغاء, توقف,
    ايقاف, إيقاف, הסר, הסרה, отмена, отказ, скасувати, διαγραφή, रोकें, बंद"""
)
"""Everyday words that carriers act on where they are the whole message, as on SMS."""
GRANTS_EVERYWHERE = _list("unstop, subscribe, resubscribe, opt in, optin, 订阅, 恢复订阅, 重新订阅, 取消退订")
GRANTS_AS_WHOLE_MESSAGE = _list("start, begin, start all, 开始, 开通, alta, iniciar")
ASKS_FOR_HELP = _list(
    """help, info, help me, aide, ayuda, hilfe, ajuda, aiuto, hulp, hjälp, hjelp, hjælp, apua, pomoc, помощь, допомога,
    yardım, bantuan, trợ giúp, ช่วยเหลือ, ヘルプ, 도움말, مساعدة, עזרה, βοήθεια, मदद, 帮助, 说明"""
)
