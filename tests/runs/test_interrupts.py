"""A first signal is a request, a second Ctrl-C is not; afterwards both are as before."""

import os
import signal
import threading

import pytest

from zoo.runs.interrupts import Interrupts


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_first_signal_is_noted_and_the_block_goes_on(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with Interrupts() as signals:
        assert not signals.raised
        os.kill(os.getpid(), number)
        assert signals.raised
        assert signal.getsignal(number) is not before
    assert signal.getsignal(number) is before


def test_a_second_ctrl_c_interrupts_at_once_and_a_second_sigterm_does_not() -> None:
    with Interrupts() as signals:
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGTERM)
        assert signals.raised
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_watching_twice_gives_the_signals_back_once() -> None:
    before = signal.getsignal(signal.SIGINT)
    signals = Interrupts()
    signals.watch()
    signals.watch()
    signals.release()
    signals.release()
    assert signal.getsignal(signal.SIGINT) is before


def test_a_thread_leaves_the_signals_alone() -> None:
    before, seen = signal.getsignal(signal.SIGTERM), list[object]()

    def work() -> None:
        with Interrupts():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]
