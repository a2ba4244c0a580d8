import './style.css'
import { render } from 'preact'
import { App } from './app'
import { start } from './signin'

render(<App />, document.getElementById('page')!)
void start()
