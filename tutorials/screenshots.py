"""Open the notebooks in a real JupyterLab, in a headless Chromium, and save what they look like,
page by page.

python -m tutorials.screenshots FOLDER [08 09 ...] [--run 04 08]

Those after --run are first run from the top by the menu: Run, Restart Kernel and Run All Cells.
Every notebook is shown in the light and in the dark theme. Printed is what a look at the pages
could miss: formulas that MathJax refuses, text or outputs wider than the page, outputs that are
errors. Needs the extra 'screenshots' and Chromium (`apt install chromium`, or `playwright install
chromium`). The notebooks shown are copies.
"""

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from playwright.sync_api import sync_playwright

HERE = Path(__file__).resolve().parent
WIDTH, HEIGHT = 1200, 2000
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}
COMPLAINTS = """() => {
    const cells = [...document.querySelectorAll('.jp-Notebook .jp-Cell')];
    const place = element => 'cell ' + (cells.indexOf(element.closest('.jp-Cell')) + 1);
    const wide = element => element.scrollWidth > element.clientWidth + 2;
    const all = selector => [...document.querySelectorAll('.jp-Notebook ' + selector)];
    return [
        ...all('mjx-merror, [data-mjx-error]').map(
            e => place(e) + ': MathJax refuses ' + e.textContent),
        ...all('.jp-RenderedHTMLCommon, .jp-OutputArea-output').filter(wide).map(
            e => place(e) + ': ' + (e.scrollWidth - e.clientWidth) + ' pixels too wide'),
        ...all('[data-mime-type="application/vnd.jupyter.error"]').map(
            e => place(e) + ': ' + e.textContent),
    ];
}"""
DONE = """() => {
    const cells = document.querySelectorAll('.jp-CodeCell .jp-InputArea-prompt');
    const prompts = [...cells].map(e => e.textContent);
    return prompts.length && prompts.every(text => /\\d/.test(text));
}"""


def serve(folder):
    """Start JupyterLab on a copy of the notebooks, with settings of its own: (process, address)."""
    shutil.copytree(
        HERE,
        folder / "tutorials",
        ignore=shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints"),
    )
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    own = {
        f"JUPYTER{name}": str(folder / name)
        for name in (
            "LAB_SETTINGS_DIR",
            "LAB_WORKSPACES_DIR",
            "_CONFIG_DIR",
            "_DATA_DIR",
            "_RUNTIME_DIR",
        )
    }
    server = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "jupyterlab",
            "--no-browser",
            "--allow-root",
            f"--port={port}",
            "--port-retries=0",
            "--IdentityProvider.token=",
            str(folder / "tutorials"),
        ],
        env=os.environ | own | {"PYTHONPATH": str(HERE.parent)},
        stderr=subprocess.DEVNULL,
    )
    address = f"http://localhost:{port}"
    for _ in range(300):
        try:
            urllib.request.urlopen(f"{address}/api").close()
            return server, address
        except urllib.error.URLError:
            time.sleep(0.2)
    server.terminate()
    sys.exit("error: JupyterLab does not answer")


def settings(folder, theme):
    """Set the theme, render all cells rather than those on screen, and ask nothing."""
    for plugin, values in {
        "apputils-extension/themes": {"theme": THEMES[theme]},
        "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
        "notebook-extension/tracker": {"windowingMode": "none", "scrollPastEnd": False},
    }.items():
        file = folder / "LAB_SETTINGS_DIR" / "@jupyterlab" / f"{plugin}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values))


def open_notebook(page, address, name):
    """Show a notebook, alone on the page, and wait until its formulas are set."""
    page.goto(f"{address}/doc/tree/{name}?reset")
    page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
    page.wait_for_selector(".jp-Notebook mjx-container", timeout=60_000)
    page.wait_for_timeout(3000)


def run_from_the_top(page):
    """Run, Restart Kernel and Run All Cells…, by the menu; wait for the last cell."""
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Restart Kernel and Run All Cells").click()
    page.locator(".jp-Dialog .jp-mod-accept").click()
    page.wait_for_timeout(3000)
    page.wait_for_function(DONE, timeout=300_000)
    page.wait_for_timeout(2000)


def save_pages(page, folder, name):
    """Screenshots of the notebook from top to bottom."""
    panel = page.locator(".jp-WindowedPanel-outer").first
    number, bottom = 1, panel.evaluate("e => e.scrollHeight - e.clientHeight")
    step = panel.evaluate("e => e.clientHeight - 40")
    for top in range(0, bottom + step, step):
        panel.evaluate("(e, top) => e.scrollTo(0, top)", top)
        page.wait_for_timeout(150)
        page.screenshot(path=folder / f"{name}_{number:02d}.png")
        number += 1


def main():
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="where the pictures go")
    parser.add_argument("notebooks", nargs="*", help="beginnings of their names; by default all")
    parser.add_argument("--run", nargs="*", default=[], help="run these from the top first")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    names = [
        path.name
        for path in sorted(HERE.glob("*.ipynb"))
        if path.name.startswith(tuple(arguments.notebooks or [""]))
    ]
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"))
        server, address = serve(Path(temporary))
        try:
            for theme in THEMES:
                settings(Path(temporary), theme)
                page = browser.new_page(
                    viewport={"width": WIDTH, "height": HEIGHT}, color_scheme=theme
                )
                for name in names:
                    open_notebook(page, address, name)
                    if theme == "light" and name.startswith(tuple(arguments.run)):
                        run_from_the_top(page)
                    save_pages(page, arguments.folder, f"{name[:2]}_{theme}")
                    print(name, theme, *page.evaluate(COMPLAINTS), sep="\n    ", flush=True)
                page.close()
        finally:
            server.terminate()
            server.wait()
            browser.close()


if __name__ == "__main__":
    main()
