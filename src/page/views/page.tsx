// The page: conversations on the left, the conversation in the middle, its tree or the documents on the right.

import { useEffect, useRef, useState } from "preact/hooks";
import type { Chat } from "../chat.ts";
import { type ChatState, currentOf } from "../chat-state.ts";
import { underwayIn } from "../conversation/conversation.ts";
import type { Source } from "../conversation/message.ts";
import { leafOf, pathOf } from "../conversation/tree.ts";
import type { StoredDocument } from "../documents/document.ts";
import type { Memory } from "../memory.ts";
import { Announcer } from "./announcer.tsx";
import { BranchTree } from "./branch-tree.tsx";
import { Composer, type ComposerHandle } from "./composer.tsx";
import { DocumentDialog } from "./document-dialog.tsx";
import { DocumentsPanel } from "./documents-panel.tsx";
import { Header } from "./header.tsx";
import { KeyForm } from "./key-form.tsx";
import type { Panel } from "./panel.ts";
import { Sidebar } from "./sidebar.tsx";
import { SourceDialog } from "./source-dialog.tsx";
import { Transcript } from "./transcript.tsx";
import { useEscape } from "./use-escape.ts";
import { whenDrawn } from "./when-drawn.ts";

export interface PageProps {
  readonly chat: Chat;
  readonly memory: Memory;
  readonly state: ChatState;
}

export function Page({ chat, memory, state }: PageProps) {
  const conversation = currentOf(state);
  const underway = underwayIn(conversation);
  const [panel, setPanel] = useState<Panel>();
  const [source, setSource] = useState<Source>();
  const [opened, setOpened] = useState<StoredDocument>();
  const composer = useRef<ComposerHandle>(null);

  useEffect(() => {
    document.title = `${conversation.title === "" ? "Chat" : conversation.title} · qwen-gateway`;
  }, [conversation.title]);
  useEffect(() => composer.current?.focus(), [conversation.id, state.access]);
  useEscape(() => {
    if (panel !== undefined) setPanel(undefined);
    else if (underway !== undefined) chat.stop();
  });

  const focusComposer = () => composer.current?.focus();
  const toggle = (name: Panel) => setPanel(panel === name ? undefined : name);
  const path = pathOf(conversation.tree);
  return (
    <div class="layout" data-panel={panel}>
      <Sidebar
        chat={chat}
        state={state}
        isOpen={panel === "conversations"}
        onClose={() => setPanel(undefined)}
        onNew={() => {
          setPanel(undefined);
          chat.showNew();
          focusComposer();
        }}
      />
      {/* The list lies over it where it can be opened at all. */}
      <main class="main" aria-label="Conversation" inert={panel === "conversations"}>
        <Header chat={chat} state={state} conversation={conversation} panel={panel} onToggle={toggle} />
        <Transcript
          key={conversation.id}
          chat={chat}
          conversation={conversation}
          path={path}
          onSource={setSource}
          onAct={focusComposer}
        />
        {state.access === "granted" ? (
          <Composer
            handle={composer}
            memory={memory}
            speechModel={state.speechModel}
            isAnswering={underway !== undefined}
            onSend={chat.send}
            onStop={chat.stop}
          />
        ) : (
          <KeyForm isRefused={state.access === "refused"} onKey={chat.giveKey} />
        )}
      </main>
      {panel === "tree" && (
        <BranchTree
          tree={conversation.tree}
          onClose={() => setPanel(undefined)}
          onGoTo={(messageId) => {
            chat.goTo(messageId);
            whenDrawn(() => document.getElementById(`message-${messageId}`)?.scrollIntoView());
            // Where the tree lies over the conversation, one could not see where one has got to.
            if (matchMedia("(width < 1080px)").matches) setPanel(undefined);
          }}
        />
      )}
      {panel === "documents" && (
        <DocumentsPanel
          documents={state.documents}
          shelf={chat.documents}
          switches={conversation.switches}
          onSwitch={chat.setSwitches}
          onOpen={setOpened}
          onClose={() => setPanel(undefined)}
        />
      )}
      {opened !== undefined && (
        <DocumentDialog document={opened} read={chat.documents.read} onClose={() => setOpened(undefined)} />
      )}
      {source !== undefined && <SourceDialog source={source} onClose={() => setSource(undefined)} />}
      <Announcer answer={leafOf(conversation.tree)} />
    </div>
  );
}
